"""The audit: what is claimed of a label set, decided with as few human answers as possible.

claims      texts to claims
population  the examples: given labels, scores as levels, predictions, columns
draws       which example is asked next: a fixed order without replacement, by seed and weights
quantities  claims to numbers between bounds an answer gives; the cells whose members look alike
bets        wealth against a claim, valid at any time (test supermartingales)
pairs       the clean level: all pairs of classes as one array
judge       answers in the order of the draws to verdicts and intervals
forecast    how many more answers
agreement   two people, or one asked twice
plan        what an audit is started with
tuning      what was chosen: draws, bets, forecast
log         lines appended, synced and bound to those before
record      audit.jsonl, append and replay
status      what is known now; audit.json, derived from the record, and its verification
reading     an audit that others wrote, replayed, and of the right data

Nothing here knows a command line, a network or a file of data.
"""
