"""Quectel's endpoints for accounts.

Source: the vendor's pages sendEmail, emailPwdRegister, emailPwdLogin, refreshToken and userInfo.
The order of the checks is not documented.
"""

import re
from typing import Any

from simulator.cloud import Message

from .api import MAX_ID, ApiError, BadRequestError, Call, endpoint
from .model import User
from .password import decrypt, signature

PASSWORD = re.compile(r"[!-~]{6,20}")
MAIL_TYPES = {1: "register", 2: "reset", 3: "link", 4: "unlink", 5: "cancel"}
# How many more wrong passwords are allowed, by the code that says so.
ATTEMPTS_LEFT = {4: 5586, 3: 5585, 2: 5584, 1: 5583}
FROZEN_FOR = 1200.0
# Mobile country codes of one operator's country in each data centre.
MCCS = {460: "china", 262: "europe", 208: "europe", 310: "north_america"}


@endpoint("POST", "mail/enduserapi/v2/sendEmail")
def send_email(call: Call) -> None:
    """Mail a code; only the last one is good."""
    email = call.email()
    purpose = MAIL_TYPES.get(call.whole("emailType"))
    if purpose is None:
        raise BadRequestError("emailType")
    domain = call.user_domain()
    code = call.cloud.new_code(domain.name, email)
    call.cloud.world.mailbox.append(Message(call.now, call.cloud.name, email, purpose, code.value))


def _password(call: Call) -> str:
    """Return the password of a call: encrypted where a random is given, else as it is."""
    pwd, random = call.required("pwd", 5022), call.text("random")
    if random:
        try:
            pwd = decrypt(pwd, random)
        except ValueError:
            raise ApiError(5056) from None
    if not PASSWORD.fullmatch(pwd):
        raise ApiError(5056)
    return pwd


def _check_mcc(call: Call) -> None:
    if not call.text("mcc"):
        return
    data_center = MCCS.get(call.whole("mcc"))
    if data_center is None:
        raise ApiError(6085)
    if data_center != call.cloud.data_center:
        raise ApiError(6084)


@endpoint("POST", "enduser/enduserapi/emailPwdRegister")
def register(call: Call) -> object:
    """Create an account and return its id."""
    domain = call.user_domain()
    email = call.email()
    password = _password(call)
    code = call.required("code", 5064)
    lang = call.option("lang", 5173)
    nationality = call.option("nationality", 5172)
    timezone = call.option("timezone", 5171, lowest=-MAX_ID)
    _check_mcc(call)
    if call.cloud.user_named(domain.name, email) is not None:
        raise ApiError(5039)
    if not call.cloud.spend_code(domain.name, email, code):
        raise ApiError(5046)
    user = call.cloud.add_user(
        email,
        password=password,
        user_domain=domain.name,
        lang=lang,
        nationality=nationality,
        timezone=timezone,
    )
    return {"uid": user.uid} if call.cloud.uid_in_object else user.uid


@endpoint("POST", "enduser/enduserapi/emailPwdLogin")
def sign_in(call: Call) -> dict[str, Any]:
    """Check a password and hand out tokens."""
    domain = call.user_domain()
    email = call.email()
    password = _password(call)
    _check_mcc(call)
    given = call.required("signature", 5550)
    if given != signature(email, call.text("pwd"), call.text("random"), domain.secret):
        raise ApiError(5420)
    user = call.cloud.user_named(domain.name, email)
    if user is None:
        raise ApiError(5031)
    if call.now < user.frozen_until:
        raise ApiError(5147)
    if not user.has_password(password):
        user.wrong_passwords += 1
        left = max(ATTEMPTS_LEFT) + 1 - user.wrong_passwords
        if left in ATTEMPTS_LEFT:
            raise ApiError(ATTEMPTS_LEFT[left])
        user.wrong_passwords, user.frozen_until = 0, call.now + FROZEN_FOR
        raise ApiError(5147)
    user.wrong_passwords = 0
    return call.cloud.new_tokens(user.uid)


@endpoint("PUT", "enduser/enduserapi/refreshToken")
def refresh(call: Call) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; it is good once."""
    value = call.required("refreshToken", 5106)
    token = call.cloud.valid_token(value, "refresh")
    if token is None:
        raise ApiError(5032)
    if token.uid not in call.cloud.users:
        raise ApiError(5033)
    del call.cloud.tokens[value]
    return call.cloud.new_tokens(token.uid)


@endpoint("GET", "enduser/enduserapi/userInfo")
def user_info(call: Call) -> dict[str, Any]:
    """Tell about the account whose token is carried."""
    return _told(call.user())


def _told(user: User) -> dict[str, Any]:
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
