"""Is a loss asymmetric on a noise model? `certify`: proved, tolerant, refuted or not refuted."""

from alfs_cli.certificate.verdicts import SLOW_ESCAPE, Certificate, RowCertificate, certify

__all__ = ["SLOW_ESCAPE", "Certificate", "RowCertificate", "certify"]
