"""Mask personal data in texts, by rules that can be read: no model, no network.

Mail addresses, phone numbers, payment cards, IBANs, national identity numbers, IP addresses,
licence plates, and passwords and keys. **Names of people and postal addresses are NOT masked**:
no rule tells them from other words. What stands in pictures, in files, or in words ("at", "dot",
"one three eight") is not found either, but for the commonest way to write a mail address so. A
masked text is a text with less personal data in it, not an anonymous one.
"""

from tfsocial.serving.gateway.masking.masker import Masked as Masked
from tfsocial.serving.gateway.masking.masker import find as find
from tfsocial.serving.gateway.masking.masker import mask as mask
from tfsocial.serving.gateway.masking.spans import Span as Span
from tfsocial.serving.gateway.masking.table import KINDS as KINDS
