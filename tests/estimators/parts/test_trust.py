"""The reasons of a trust level: what decides it is read first."""

from alfs_cli.estimators.parts.trust import Grades


def test_the_reasons_of_the_lowest_grade_come_first():
    grades = Grades()
    for reason, grade in (("fine", 2), ("fair", 1), ("bad", 0), ("good", 2), ("worse", 0)):
        grades.note(reason, grade)
    assert grades.weightiest_first() == ("bad", "worse", "fair", "fine", "good")
