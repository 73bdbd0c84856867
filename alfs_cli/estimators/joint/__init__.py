"""The joint maximum likelihood of T and of how scores stand for classes."""
