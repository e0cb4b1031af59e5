"""From a run to a bundle that a robot can use."""

from .bundle import check_free, make_bundle, replace_bundle
from .card import ROBUSTNESS, TRANSFER, card_sections, update_card
