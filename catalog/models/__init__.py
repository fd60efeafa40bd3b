"""The tables of the catalog, one noun a file."""

from catalog.models.language_model import LanguageModel
from catalog.models.plan import Plan
from catalog.models.price import Price, PriceScope, TokenClass
from catalog.models.provider import Provider, Route
from catalog.models.revision import CatalogRevision

__all__ = ["CatalogRevision", "LanguageModel", "Plan", "Price", "PriceScope", "Provider", "Route", "TokenClass"]
