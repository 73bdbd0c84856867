"""What the labels are judged by: out-of-fold probabilities, and where they come from.

`gathering` takes what a data set offers; features come from `representations` and `encoders`,
probabilities from ridge classifiers (`out_of_fold`) or networks (`network_folds`).
"""
