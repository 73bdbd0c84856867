"""The table of rules, and the types of findings and gates."""
