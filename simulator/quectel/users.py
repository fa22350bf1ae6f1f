"""Quectel's endpoints for accounts.

Source: the vendor's pages sendEmail, emailPwdRegister, emailPwdLogin, refreshToken and userInfo.
The order of the checks is not documented.
"""

import re
from typing import Any
from urllib.parse import unquote

from simulator.simulation import Message

from .api import MAX_ID, ApiError, BadRequestError, QuectelRequest, endpoint
from .model import User
from .password import decrypt, signature

PASSWORD = re.compile(r"[!-~]{6,20}")
MAIL_TYPES = {1: "register", 2: "reset", 3: "link", 4: "unlink", 5: "cancel"}
# The codes that tell how many more attempts are allowed.
ATTEMPTS_LEFT = {4: 5586, 3: 5585, 2: 5584, 1: 5583}
FROZEN_FOR = 1200.0
# Some mobile country codes of each data center.
MCCS = {460: "china", 262: "europe", 208: "europe", 310: "north_america"}


@endpoint("POST", "mail/enduserapi/v2/sendEmail")
def send_email(request: QuectelRequest) -> None:
    """E-mail a code, which replaces an earlier one."""
    email = request.email()
    purpose = MAIL_TYPES.get(request.whole("emailType"))
    if purpose is None:
        raise BadRequestError("emailType")
    domain = request.user_domain()
    code = request.state.new_code(domain.name, email)
    request.state.simulation.mailbox.append(
        Message(request.now, "quectel", email, purpose, code.value)
    )


def _password(request: QuectelRequest) -> str:
    """Return the password, which is encrypted if the request has a random."""
    pwd, random = request.required("pwd", 5022), request.text("random")
    if random:
        try:
            pwd = decrypt(pwd, random)
        except ValueError:
            raise ApiError(5056) from None
    if not PASSWORD.fullmatch(pwd):
        raise ApiError(5056)
    return pwd


def _check_mcc(request: QuectelRequest) -> None:
    if not request.text("mcc"):
        return
    data_center = MCCS.get(request.whole("mcc"))
    if data_center is None:
        raise ApiError(6085)
    if data_center != request.state.data_center:
        raise ApiError(6084)


@endpoint("POST", "enduser/enduserapi/emailPwdRegister")
def register(request: QuectelRequest) -> object:
    """Create an account and return its id."""
    domain = request.user_domain()
    email = request.email()
    password = _password(request)
    code = request.required("code", 5064)
    lang = request.option("lang", 5173)
    nationality = request.option("nationality", 5172)
    timezone = request.option("timezone", 5171, lowest=-MAX_ID)
    _check_mcc(request)
    if request.state.user_named(domain.name, email) is not None:
        raise ApiError(5039)
    if not request.state.spend_code(domain.name, email, code):
        raise ApiError(5046)
    user = request.state.add_user(
        email,
        password=password,
        user_domain=domain.name,
        lang=lang,
        nationality=nationality,
        timezone=timezone,
    )
    return {"uid": user.uid} if request.state.uid_in_object else user.uid


@endpoint("POST", "enduser/enduserapi/emailPwdLogin")
def sign_in(request: QuectelRequest) -> dict[str, Any]:
    """Check the password and return tokens."""
    domain = request.user_domain()
    email = request.email()
    password = _password(request)
    _check_mcc(request)
    given = request.required("signature", 5550)
    if given != signature(email, request.text("pwd"), request.text("random"), domain.secret):
        raise ApiError(5420)
    user = request.state.user_named(domain.name, email)
    if user is None:
        raise ApiError(5031)
    if request.now < user.frozen_until:
        raise ApiError(request.state.frozen_code)
    if not user.has_password(password):
        user.wrong_passwords += 1
        left = max(ATTEMPTS_LEFT) + 1 - user.wrong_passwords
        if left in ATTEMPTS_LEFT:
            raise ApiError(ATTEMPTS_LEFT[left])
        user.wrong_passwords, user.frozen_until = 0, request.now + FROZEN_FOR
        raise ApiError(request.state.frozen_code)
    user.wrong_passwords = 0
    return request.state.new_tokens(user.uid)


def _refresh_token(request: QuectelRequest) -> str:
    """Return the token where this server reads it. In a query, a plus is no blank."""
    state, http = request.state, request.http
    pairs = (pair.partition("=") for pair in http.raw_query.split("&"))
    given = {"query": {name: unquote(value) for name, _, value in pairs}, "form": http.form}
    found = (
        values.get("refreshToken") for place, values in given.items() if place in state.refresh_in
    )
    if (value := next(filter(None, found), None)) is not None:
        return value
    if state.refresh_missing == "bad_request":
        raise BadRequestError("refreshToken")
    raise ApiError(5106)


@endpoint("PUT", "enduser/enduserapi/refreshToken")
def refresh(request: QuectelRequest) -> dict[str, Any]:
    """Exchange a refresh token, which is valid once, for a new pair of tokens."""
    value = _refresh_token(request)
    token = request.state.valid_token(value, "refresh")
    if token is None:
        raise ApiError(5032)
    if token.uid not in request.state.users:
        raise ApiError(5033)
    del request.state.tokens[value]
    return request.state.new_tokens(token.uid)


@endpoint("GET", "enduser/enduserapi/userInfo")
def user_info(request: QuectelRequest) -> dict[str, Any]:
    """Return the account whose token the request carries."""
    return _as_json(request.user())


def _as_json(user: User) -> dict[str, Any]:
    registered = int(user.registered * 1000)
    return {
        "uid": user.uid,
        "email": user.email,
        "phone": "",
        "nikeName": user.email.partition("@")[0],
        "status": 1,
        "lang": str(user.lang),
        "nationality": str(user.nationality),
        "timezone": str(user.timezone),
        "registerTime": registered,
        "registerTimeTs": registered,
    }
