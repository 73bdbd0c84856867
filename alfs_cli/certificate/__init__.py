"""Is a loss asymmetric on a noise model? `certify` says: proved, refuted or not refuted."""

from alfs_cli.certificate.verdicts import Certificate, RowCertificate, certify

__all__ = ["Certificate", "RowCertificate", "certify"]
