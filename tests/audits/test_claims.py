import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.audits.claims import FORMS, Claim, Slice, known, parse, quoted
from alfs_cli.errors import UsageError

PRINTABLE = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
NAMES = st.text(PRINTABLE, min_size=1, max_size=12)
SHARES = st.floats(0.001, 0.999)
WHERE = st.none() | st.builds(Slice, NAMES, NAMES)


@pytest.mark.parametrize("text", FORMS.split("; "))
def test_every_form_that_help_shows_is_read(text):
    assert str(parse(str(parse(text)))) == str(parse(text))


@given(
    st.sampled_from(["class-noise", "given-noise", "accuracy"]),
    NAMES, st.sampled_from(["<=", ">="]), SHARES, WHERE,
)  # fmt: skip
def test_claims_with_any_name_round_trip(word, name, operator, number, where):
    claim = Claim(word, (name,), operator, number, where)
    assert parse(str(claim)) == claim


@given(NAMES, NAMES, SHARES, WHERE)
def test_pairs_round_trip(true, given, number, where):
    claim = Claim("pair", (true, given), "<=", number, where)
    assert parse(str(claim)) == claim


@given(NAMES, NAMES, WHERE)
def test_comparisons_round_trip(first, second, where):
    if first != second:
        claim = Claim("accuracy", (first, second), ">", 0.0, where)
        assert parse(str(claim)) == claim


def test_a_loss_needs_no_quotes():
    claim = parse("certified:nce+agce:a=6,q=1.5[camera=3]")
    assert claim.names == ("nce+agce:a=6,q=1.5",)
    assert parse(str(claim)) == claim
    assert claim.at(2.5).subject == "clean-level[camera=3]"


def test_claims_on_one_quantity_share_a_subject():
    assert parse("noise-rate <= .1").subject == parse("noise-rate >= .02").subject == "noise-rate"
    assert parse("certified:mae").subject == parse("clean-level >= 2").subject == "clean-level"
    assert parse("noise-rate[a=b] <= .1").subject == "noise-rate[a=b]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("noise-rate <= 1.2", "1.2 is not between 0 and 1"),
        ("noise-rate <= 5", "write a share of 1, or 0.05 for 5.0 %"),
        ("noise-rate <= 1", "true of any data"),
        ("noise-rate < .1", "'<=' or '>=' is missing, found '<'"),
        ("noise-rate", "'<=' or '>=' is missing"),
        ("noise-rate <= many", "'many' is not a number"),
        ("noise-rate <= 5%", "no %: 0.05 is 5 %"),
        ("noise-rate <= 1.2", "0.012 for 1.2 %"),
        ("noise-rate <= nan", "no number to compare with"),
        ("noiserate <= .1", "did you mean 'noise-rate'?"),
        ("noise-rate:cat <= .1", "takes no name"),
        ("class-noise <= .1", "'class-noise' needs a name"),
        ("pair:cat <= .1", "'pair' needs two classes"),
        ("pair:a>b>c <= .1", "more than one '>'"),
        ("clean-level >= 0", "above 0"),
        ("accuracy:a > accuracy:a", "both runs are 'a'"),
        ("accuracy:a > .9", "after '>' an accuracy is expected"),
        ("certified:mae >= 2", "takes no number"),
        ("noise-rate[camera] <= .1", "one column and one value"),
        ("noise-rate[camera=3 <= .1", "a bracket is not closed"),
        ('class-noise:"cat <= .1', "a quote is not closed"),
        ("", "unknown quantity"),
    ],
)
def test_what_cannot_be_is_named_and_helped(text, says):
    with pytest.raises(UsageError) as raised:
        parse(text)
    assert says in f"{raised.value} {raised.value.help}"
    assert raised.value.help


def test_unknown_names_are_told():
    with pytest.raises(UsageError, match=r"unknown class 'cta' \(did you mean 'cat'\?\)"):
        known(parse("class-noise:cta <= .1"), ("cat", "dog"))
    with pytest.raises(UsageError, match="unknown run 'x'"):
        known(parse("accuracy:x >= .1"), ("cat", "dog"), ("y",))
    with pytest.raises(UsageError, match="both classes are the same"):
        known(parse("pair:cat>cat <= .1"), ("cat", "dog"))


@given(NAMES)
def test_quoting_is_only_where_it_must_be(name):
    assert (quoted(name) == name) == (not set(name) & set("<>=[]\"'") and name.strip() == name)
