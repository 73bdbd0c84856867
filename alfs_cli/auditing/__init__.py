"""The faces of an audit: what a person sees of each example, the page, the sheets.

audits/ holds the mathematics and the record; here DATA becomes examples to be asked about, answers
of people become answers of the record, and what is known becomes words.
"""
