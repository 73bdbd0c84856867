"""Certificates: `certify` decides whether a loss is asymmetric on a transition matrix.

The verdict is proved, tolerant, refuted or not-refuted.
"""

from alfs_cli.certificate.verdicts import Certificate, RowCertificate, certify

__all__ = ["Certificate", "RowCertificate", "certify"]
