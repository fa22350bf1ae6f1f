"""What ShopXO's answers hold, whichever version sent them."""

from collections.abc import Mapping
from typing import NamedTuple

from yarl import URL

from ..answer import Answer, as_flag, as_list, as_object, as_text
from ..errors import UnexpectedAnswerError
from ..model import Account, Captcha
from .api import AccountType, common, read_reply

# A picture is known by how it begins: the server calls it text/html.
_MEDIA_TYPES = {
    b"GIF8": "image/gif",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
_AGREEMENTS = ("agreement_userregister_url", "agreement_userprivacy_url")
_REGISTER_TYPES = "home_user_reg_type"
_SITE = frozenset({_REGISTER_TYPES, "home_user_login_type", "home_site_name"})


class Site(NamedTuple):
    """What a site allows and wants.

    Attributes:
        register_types: the ways to register.
        login_types: the ways to sign in; only a password with `USERNAME`.
        register_picture: registering by user name takes a picture's answer.
        login_picture: signing in by password takes a picture's answer.
        code_picture: having a code sent takes a picture's answer.
        review: a new account waits for somebody's approval.
        agreements: the pages a person should have read.

    """

    register_types: frozenset[AccountType]
    login_types: frozenset[AccountType]
    register_picture: bool
    login_picture: bool
    code_picture: bool
    review: bool
    agreements: tuple[str, ...]


def site(data: object) -> Site:
    """Read `base/common`. What a version does not say is as on a fresh site."""
    body = as_object(data) or {}
    config = as_object(body.get("config")) or body
    if not _SITE & config.keys():
        raise UnexpectedAnswerError
    return Site(
        register_types=_types(config, _REGISTER_TYPES),
        login_types=_types(config, "home_user_login_type"),
        register_picture=_switch(config, "home_user_register_img_verify_state", default=True),
        login_picture=_switch(config, "home_user_login_img_verify_state", default=True),
        code_picture=_switch(config, "common_img_verify_state", default=True),
        review=_switch(config, "common_register_is_enable_audit", default=False),
        agreements=_agreements(config),
    )


def _switch(config: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = as_flag(config.get(name))
    return default if value is None else value


def _types(config: Mapping[str, object], name: str) -> frozenset[AccountType]:
    """Return kinds of accounts that came as list, as object, as text with commas, or as JSON."""
    value = config.get(name)
    if value is None:
        return frozenset(AccountType)
    if (found := as_object(value)) is not None:
        names: list[object] = list(found.values())
    elif (listed := as_list(value)) is not None:
        names = listed
    else:
        names = list((as_text(value) or "").split(","))
    texts = {as_text(name) for name in names}
    return frozenset(kind for kind in AccountType if kind.value in texts)


def _agreements(config: Mapping[str, object]) -> tuple[str, ...]:
    if not _switch(config, "home_is_enable_userregister_agreement", default=True):
        return ()
    return tuple(
        page for name in _AGREEMENTS if (page := _page(as_text(config.get(name)))) is not None
    )


def _page(address: str | None) -> str | None:
    """Return the absolute address of a web page in its canonical spelling, None if it is none."""
    try:
        url = URL(address or "")
    except ValueError:
        return None
    return str(url) if url.scheme in {"http", "https"} and url.host else None


def picture(challenge: str, answer: Answer) -> Captcha:
    """Read `user/userverifyentry`: an image, or an error as JSON."""
    for beginning, media_type in _MEDIA_TYPES.items():
        if answer.body.startswith(beginning):
            return Captcha(image=answer.body, media_type=media_type, challenge=challenge)
    read_reply(common(), answer)
    raise UnexpectedAnswerError("no_picture")


def account(name: str, data: object) -> Account:
    """Read the user that a registration or sign-in answers; nothing of it is certain to be there.

    A site that takes us for a browser tells the id alone, one whose session failed tells nothing.
    """
    user = as_object(data) or {}
    account_id = _identifier(user.get("id")) or _identifier(user.get("user_id"))
    token = as_text(user.get("token"))
    session = {"token": token} if token is not None and account_id is not None else None
    return Account(id=account_id, name=name, session=session)


def known_user(data: object) -> None:
    """Read the user of a token; one without an id is none."""
    if _identifier((as_object(data) or {}).get("id")) is None:
        raise UnexpectedAnswerError


def _identifier(value: object) -> str | None:
    text = as_text(value)
    return None if text == "0" else text
