"""The evidence that labels are judged by: out-of-fold class probabilities of every example.

`gathering` chooses among what a data set offers. Features come from `representations` and
`encoders`, probabilities from ridge classifiers (`out_of_fold`) or networks (`network_folds`).
"""
