"""ShopXO as a simulated site."""

from .cloud import ShopxoCloud

__all__ = ["ShopxoCloud"]
