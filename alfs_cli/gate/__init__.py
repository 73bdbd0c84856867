"""What `alfs check` judges by: thresholds, findings in the files, a baseline, suppressions."""
