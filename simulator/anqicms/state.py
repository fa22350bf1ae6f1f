"""An AnQiCMS installation's sites, users, captchas and tokens."""

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
import hashlib
import hmac
import json
import re
from typing import Any
import unicodedata

from simulator.cloud import digest
from simulator.picture import draw, png
from simulator.simulation import Message, Simulation

from .texts import LANGUAGES, Text

CHARACTERS = "1234567890qwertyuipkjhgfdsazxcvbnm"
# The site searches the whole text for an address or number.
EMAIL = re.compile(r"(?a)\w+([-+.]\w+)*@\w+([-.]\w+)*\.\w+([-.]\w+)*")
PHONE = re.compile(r"1[3-9][0-9]{9}")

HOUR = 3600
DAY = 24 * HOUR
# The first version that compares the answer to a captcha without regard to case.
CAPTCHA_ANY_CASE = (3, 4, 3)
# bcrypt stores no longer password, which the site does not notice, and compares no more of one.
MOST_PASSWORD_BYTES = 72
# A database refuses what is longer than its column, of which nobody is told.
COLUMNS = {"user_name": 64, "real_name": 64, "email": 100, "phone": 20}


@dataclass
class User:
    """A user, who cannot sign in without a `password_digest`."""

    id: int
    user_name: str
    email: str = ""
    phone: str = ""
    real_name: str = ""
    email_verified: bool = False
    password_digest: str | None = field(default=None, repr=False)
    created_time: int = 0
    # 0 while the owner reviews it, -1 for one that is banned.
    status: int = 1

    def set_password(self, password: str) -> None:
        """Set a password, or silently none if it is too long."""
        fits = len(password.encode()) <= MOST_PASSWORD_BYTES
        self.password_digest = digest(password) if fits else None

    def has_password(self, password: str) -> bool:
        """Return whether the password is right."""
        compared = password.encode()[:MOST_PASSWORD_BYTES].decode(errors="replace")
        return self.password_digest == digest(compared)

    @property
    def link_token(self) -> str:
        """The token of the link in the user's e-mail."""
        return hashlib.sha256(f"{self.email}{self.password_digest}".encode()).hexdigest()[:32]

    def as_json(self) -> dict[str, Any]:
        """Return the user as JSON, without secrets."""
        return {
            "id": self.id,
            "user_name": self.user_name,
            "email": self.email,
            "phone": self.phone,
            "real_name": self.real_name,
            "email_verified": self.email_verified,
        }


@dataclass
class Site:
    """One of an installation's sites, with its own users and tokens."""

    id: int
    secret: str = field(repr=False)
    name: str = "Simulated site"
    users: dict[int, User] = field(default_factory=dict)

    def find(self, column: str, value: str) -> User | None:
        """Return the user with a value in a column, as the database compares: muller is Müller."""
        for user in self.users.values():
            if value and _collated(getattr(user, column)) == _collated(value):
                return user
        return None


class AnqicmsState:
    """An installation's state."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.version = (3, 5, 8)
        self.language = "en"
        self.captcha = False
        # The setting that old versions tell of instead: whether their own backend wants a captcha.
        self.admin_captcha = True
        # Whether the site answers what is not about users, such as how it is called.
        self.api_open = False
        self.signup_verify = False
        # Some owners have changed their site to check the captcha when registering.
        self.judges_register_captcha = False
        # A registration that needs a login first, or that nobody may make.
        self.register_code: int | None = None
        # The database takes no user, of which nobody is told.
        self.saving_fails = False
        self.installed = True
        self.sites = {1: Site(1, "simulated-site-1")}
        self._captchas: dict[str, str] = {}

    def add_site(self, site_id: int) -> Site:
        """Add a site."""
        name = f"Simulated site {site_id}"
        self.sites[site_id] = Site(site_id, f"simulated-site-{site_id}", name)
        return self.sites[site_id]

    def add_user(
        self,
        *,
        user_name: str,
        password: str,
        email: str = "",
        phone: str = "",
        email_verified: bool = True,
        site_id: int = 1,
    ) -> User:
        """Add a user; KeyError without the site, ValueError when the name is taken."""
        site = self.sites[site_id]
        if site.find("user_name", user_name):
            raise ValueError(f"{user_name} is taken")
        return self.create(site, User(0, user_name, email, phone, "", email_verified), password)

    def create(self, site: Site, user: User, password: str) -> User:
        """Store a user and set its id, unless storing fails."""
        user.set_password(password)
        fits = all(len(getattr(user, column)) <= most for column, most in COLUMNS.items())
        if fits and not self.saving_fails:
            user.created_time = int(self.simulation.now())
            user.id = max(site.users, default=999) + 1
            site.users[user.id] = user
        return user

    def send_link(self, user: User) -> None:
        """Send the e-mail with the link that confirms the address, if there is one."""
        if not user.email:
            return
        message = Message(self.simulation.now(), "anqicms", user.email, "verify", user.link_token)
        self.simulation.mailbox.append(message)

    def translated(self, text: Text | str, language: str | None = None) -> str:
        """Return one of the texts, by default in the site's language, and any other as it is."""
        return LANGUAGES[language or self.language][text] if isinstance(text, Text) else text

    # Captchas

    def new_captcha(self) -> tuple[str, str]:
        """Create a captcha and return its id and its image as a data URI."""
        answer = "".join(self.simulation.random.choices(CHARACTERS, k=4))
        captcha_id = f"{self.simulation.random.getrandbits(80):020x}"
        self._captchas[captcha_id] = answer
        self.simulation.captchas[captcha_id] = answer
        image = b64encode(png(draw(answer, 240, 76))).decode()
        return captcha_id, f"data:image/png;base64,{image}"

    def captcha_right(self, captcha_id: str, typed: str) -> bool:
        """Return whether an answer is right; even a wrong one spends the captcha, unless empty."""
        if not typed:
            return False
        self.simulation.captchas.pop(captcha_id, None)
        answer = self._captchas.pop(captcha_id, "")
        compared = typed.lower() if self.version >= CAPTCHA_ANY_CASE else typed
        return bool(answer) and compared == answer

    # Tokens

    def token(self, site: Site, user: User, lifetime: float = 30 * DAY) -> str:
        """Create a JSON Web Token."""
        claims = {"userId": str(user.id), "t": str(int(self.simulation.now() + lifetime))}
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        return f"{signed}.{_signature(site, signed)}"

    def token_user(self, site: Site, token: str) -> tuple[User, float] | None:
        """Return the user that a token belongs to, and its remaining seconds."""
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(signature, _signature(site, signed)):
            return None
        claims = json.loads(urlsafe_b64decode(signed.partition(".")[2] + "=="))
        left = int(claims["t"]) - self.simulation.now()
        user = site.users.get(int(claims["userId"]))
        return (user, left) if user is not None and left >= 0 else None


def _collated(text: str) -> str:
    """Return what the database compares: neither case nor accents, nor blanks at the end."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(one for one in letters if not unicodedata.combining(one)).casefold().rstrip()


def _part(value: dict[str, str]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _signature(site: Site, signed: str) -> str:
    key = f"{site.secret}-user-token".encode()
    return _encoded(hmac.digest(key, signed.encode("utf-8", "replace"), "sha256"))


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
