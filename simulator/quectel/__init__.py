"""The simulated Quectel / Acceleronix end-user API."""

from .cloud import QuectelCloud
from .state import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET

__all__ = ["PRODUCT_KEY", "USER_DOMAIN", "USER_DOMAIN_SECRET", "QuectelCloud"]
