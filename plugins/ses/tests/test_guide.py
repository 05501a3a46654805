from __future__ import annotations

import re

import pytest

from passpost.config import LANGUAGES
from passpost_ses import hooks
from passpost_ses.config import REGIONS
from passpost_ses.errors import known_fault

USAGES = {"ForgotPassword"}
GUIDES = hooks.connector_info().guide


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_codes_in_the_guide_are_known(language: str) -> None:
    rows = re.findall(r"^\| (`.*?`) \|", GUIDES[language], re.MULTILINE)
    # Usages are names of the same form, in the section about templates.
    codes = [
        code
        for row in rows
        for code in re.findall(r"`([A-Z][A-Za-z]{8,})`", row)
        if code not in USAGES
    ]
    assert len(codes) > 12
    assert [code for code in codes if known_fault(code) is None] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_regions_in_the_guide_are_known(language: str) -> None:
    regions = re.findall(r"^\| [^|]+ \| `([a-z]+-[a-z]+-\d)` \|$", GUIDES[language], re.MULTILINE)
    assert len(regions) == 4
    assert set(regions) <= set(REGIONS)
