"""Looks for what keeps emails from arriving: the way to the server, the account, the sender.

`diagnose` streams what it finds as `Diagnosis` objects. It requires the extra
``passpost-tools[doctor]``.
"""

from passpost_tools.doctor.diagnosis import Diagnosis
from passpost_tools.doctor.examination import Wishes, diagnose
from passpost_tools.doctor.names import Names

__all__ = ["Diagnosis", "Names", "Wishes", "diagnose"]
