"""What Presidio finds in texts, by its pattern recognisers alone: run by `benchmarks.masking`.

Runs in an environment of its own (tests/reference/requirements-presidio.txt). Reads {"texts",
"regions", "threshold", "passes"} as JSON, writes {"spans", "seconds"}. All of its recognisers are
taken that find a kind of ours, those of other languages too, as for English; a blank spaCy model
cuts words. The list of public suffixes is the one in tldextract's wheel, and the reserved
.example.
"""

from __future__ import annotations

import json
import sys
import time

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as known
from presidio_analyzer.nlp_engine import SpacyNlpEngine

KINDS = {
    "MAIL": ("Email",),
    "PHONE": ("Phone",),
    "CARD": ("CreditCard",),
    "IBAN": ("Iban",),
    "IP": ("Ip",),
    "PLATE": ("UkVehicleRegistration", "DeKfz"),
    "ID": (
        *("UsSsn", "UsItin", "UsPassport", "UsLicense", "UkNino", "UkPassport"),
        *("UkDrivingLicence", "DeTaxId", "DePassport", "EsNif", "EsNie", "ItFiscalCode"),
        *("InAadhaar", "PlPesel", "FiPersonalIdentityCode", "KrRrn", "SePersonnummer"),
    ),
}


def main() -> None:
    asked = json.load(sys.stdin)
    analyzer, kind_of = engine(asked["regions"], asked["threshold"])
    spans, seconds = [], []
    for _ in range(asked["passes"]):
        began = time.process_time()
        results = [analyzer.analyze(text, language="en") for text in asked["texts"]]
        seconds.append(time.process_time() - began)
        spans = [[(one.start, one.end, kind_of[one.entity_type]) for one in of] for of in results]
    json.dump({"spans": spans, "seconds": seconds}, sys.stdout)


def engine(regions: list[str], threshold: float) -> tuple[AnalyzerEngine, dict[str, str]]:
    """The analyzer, and the kind of each of its entities."""
    tldextract.extract = tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, extra_suffixes=("example",)
    )
    registry, kind_of = RecognizerRegistry(), {}
    for kind, names in KINDS.items():
        for name in names:
            more = {"supported_regions": regions} if name == "Phone" else {}
            recognizer = getattr(known, f"{name}Recognizer")(supported_language="en", **more)
            registry.add_recognizer(recognizer)
            kind_of |= dict.fromkeys(recognizer.supported_entities, kind)
    words = SpacyNlpEngine()
    words.nlp = {"en": spacy.blank("en")}
    return AnalyzerEngine(registry, words, default_score_threshold=threshold), kind_of


if __name__ == "__main__":
    main()
