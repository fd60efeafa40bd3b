"""Settings of the house, read from the environment; the defaults run the embedded set-up (SQLite, no services)."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from api import description
from config import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR") or BASE_DIR / "var").resolve()
METERHOUSE_ENV = env.text("METERHOUSE_ENV", "embedded")
PRODUCTION = METERHOUSE_ENV == "production"
if METERHOUSE_ENV not in ("embedded", "development", "production"):
    raise ImproperlyConfigured(f"METERHOUSE_ENV={METERHOUSE_ENV!r}: write embedded, development or production.")

if not PRODUCTION:
    env.make_folder("DATA_DIR", DATA_DIR)

# ---------------------------------------------------------------- secrets

_SECRETS = DATA_DIR / "secrets"
SECRET_KEY = env.secret("SECRET_KEY", _SECRETS, production=PRODUCTION)
# A secret of its own, so that SECRET_KEY can be rotated without invalidating every API key.
KEY_PEPPER = env.secret("KEY_PEPPER", _SECRETS, production=PRODUCTION)
ENCRYPTION_KEY = env.secret("ENCRYPTION_KEY", _SECRETS, production=PRODUCTION)

DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "" if PRODUCTION else "*")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG is on in production: it shows settings to strangers. Unset DEBUG.")
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is missing: name the host names that this console answers to.")

# ---------------------------------------------------------------- applications

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "config.apps.StaticFiles",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "catalog",
    "usage",
    "billing",
    "gateway",
    "dashboard",
    "api",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Before the files: a picture that is opened alone is a document as well.
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.compression.CompressedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.language.PersonLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.session_activity.SessionActivity",
    "dashboard.views.errors.DatabaseAway",
    "dashboard.views.errors.NothingToSee",
]

FORM_RENDERER = "dashboard.widgets.ConsoleRenderer"
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.console",
            ],
            "builtins": ["dashboard.templatetags.form_marks"],
        },
    }
]

# ---------------------------------------------------------------- database and Redis

_SQLITE_OPTIONS = {
    # Every transaction takes the write lock at its start: no upgrade can fail halfway.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;",
}
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/meterhouse.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = _SQLITE_OPTIONS
# The metering connection prepares its statements; turn it off behind a pooler that cannot keep them.
DATABASE_PREPARED_STATEMENTS = env.flag("DATABASE_PREPARED_STATEMENTS", default=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.redis("REDIS_URL")
# Lets another machine read /metrics; without it only this one may.
METRICS_TOKEN = env.text("METRICS_TOKEN")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# ---------------------------------------------------------------- people

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "dashboard.adapter.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "dashboard.signup_form.SignupForm"
ACCOUNT_FORMS = {
    "login": "dashboard.account_forms.LoginForm",
    "signup": "dashboard.account_forms.SignupForm",
    "add_email": "dashboard.account_forms.AddEmailForm",
    "reset_password": "dashboard.account_forms.ResetPasswordForm",
    "reset_password_from_key": "dashboard.account_forms.ResetPasswordKeyForm",
    "change_password": "dashboard.account_forms.ChangePasswordForm",
    "set_password": "dashboard.account_forms.SetPasswordForm",
    "reauthenticate": "dashboard.account_forms.ReauthenticateForm",
}
MFA_FORMS = {
    "authenticate": "dashboard.account_forms.AuthenticateForm",
    "reauthenticate": "dashboard.account_forms.ReauthenticateCodeForm",
    "activate_totp": "dashboard.account_forms.ActivateTOTPForm",
    "add_webauthn": "dashboard.account_forms.AddPasskeyForm",
    "edit_webauthn": "dashboard.account_forms.EditPasskeyForm",
    "login_webauthn": "dashboard.account_forms.LoginPasskeyForm",
    "authenticate_webauthn": "dashboard.account_forms.AuthenticatePasskeyForm",
    "reauthenticate_webauthn": "dashboard.account_forms.ReauthenticatePasskeyForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# Log-in works before the address is confirmed; keys and credit wait for it.
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# People hear of every change of how they log in; this mail cannot be turned off.
ACCOUNT_EMAIL_NOTIFICATIONS = True
# To add, remove or change addresses, like second factors.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
MFA_ADAPTER = "dashboard.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# The half minutes beside this one count, too: a code is typed while it turns, and telephones' clocks differ.
MFA_TOTP_TOLERANCE = 1
# The sessions page shows when each was last active; dashboard.session_activity keeps that.
USERSESSIONS_TRACK_ACTIVITY = False
SIGNUP_OPEN = env.flag("SIGNUP_OPEN", True)

SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")

# ---------------------------------------------------------------- mail

_mail = env.mail("EMAIL_URL")
if _mail:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _mail.hostname or "localhost"
    EMAIL_PORT = _mail.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[_mail.scheme]
    EMAIL_HOST_USER = _mail.username or ""
    EMAIL_HOST_PASSWORD = env.text("EMAIL_PASSWORD") or _mail.password or ""
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
else:
    EMAIL_BACKEND = "config.mail.FolderBackend"
MAIL_DIR = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Meterhouse <meterhouse@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10

# ---------------------------------------------------------------- webhooks

# People and webhooks are told when less than so much of the credit in force is left, in percent.
BALANCE_LOW_PERCENT = int(env.number("BALANCE_LOW_PERCENT", 10))

# Whether webhooks may go to private, loopback and reserved addresses: for inner networks whose members are trusted.
WEBHOOKS_ALLOW_PRIVATE = env.flag("WEBHOOKS_ALLOW_PRIVATE")
# The same for buckets that organizations export to; it allows http:// as well.
EXPORTS_ALLOW_PRIVATE = env.flag("EXPORTS_ALLOW_PRIVATE")

# ---------------------------------------------------------------- security

_CSP = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": _CSP}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = int(env.number("SECURE_HSTS_SECONDS", 60 * 60 * 24 * 30))
    SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT")

# ---------------------------------------------------------------- pages

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT") or BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static.HashedFiles"},
}
# Before collectstatic has run (tests, a fresh checkout) files are served from where they are.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Source maps are served as they are: nobody waits for them.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "webp", "jpg", "gif", "woff", "woff2", "gz", "br", "zip")
SITE_NAME = env.text("SITE_NAME", "Meterhouse")
# The address at which customers reach this house; empty: as the browser sees it.
PUBLIC_URL = env.origin("PUBLIC_URL")

# ---------------------------------------------------------------- where people find help

# A link that is not set is not shown; documentation and status have pages of their own then.
SUPPORT_URL = env.link("SUPPORT_URL")
FORUM_URL = env.link("FORUM_URL")
CHAT_URL = env.link("CHAT_URL")
DOCS_URL = env.link("DOCS_URL")
STATUS_URL = env.link("STATUS_URL")
# Whether the status page inside can be seen without logging in.
STATUS_PUBLIC = env.flag("STATUS_PUBLIC", True)

# ---------------------------------------------------------------- what is sold, and who serves it

CATALOG_FILE = Path(env.text("CATALOG_FILE") or BASE_DIR / "catalog" / "seed.toml")
UPSTREAM_BASE_URL = env.text("UPSTREAM_BASE_URL")
UPSTREAM_API_KEY = env.text("UPSTREAM_API_KEY")
# Answers for models that no other provider serves by repeating the question; never wanted in production.
DEMO_PROVIDER = env.flag("DEMO_PROVIDER", not PRODUCTION)
DEMO_PROVIDER_DELAY_MS = env.number("DEMO_PROVIDER_DELAY_MS", 4)

# ---------------------------------------------------------------- the gateway and the server

# Networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
# Whether `manage.py serve` runs the schedule itself; with Celery beat and workers it need not.
TICKER = env.flag("TICKER", True)
# Seconds: how long /readyz says 503 before a stop begins, and how long open streams may then go on.
SHUTDOWN_DELAY = env.number("SHUTDOWN_DELAY", 0)
DRAIN_SECONDS = env.number("DRAIN_SECONDS", 30)

# ---------------------------------------------------------------- the REST API

# Of each key or person; the gateway's limits are the plans'.
API_REQUESTS_PER_MINUTE = int(env.number("API_REQUESTS_PER_MINUTE", 300, least=1))
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.KeyAuthentication", "api.authentication.ConsoleSession"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.CallerMay"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttle.CallerThrottle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.AlwaysJson",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parser.BodyParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.faults.handle",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{SITE_NAME} API",
    "DESCRIPTION": description.text(),
    "OAS_VERSION": "3.1.0",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "GET_LIB_DOC_EXCLUDES": "api.schema.bases_that_say_nothing",
    "COMPONENT_SPLIT_REQUEST": True,
    # A member that a change needs is needed.
    "COMPONENT_SPLIT_PATCH": False,
    # Members of one name that take other values in another place.
    "ENUM_NAME_OVERRIDES": {
        "LimitSubjectEnum": "api.limit_serializers.SCOPES",
        "PriceScopeEnum": "catalog.models.PriceScope",
        "GrantStateEnum": "billing.grant_order.STATES",
        "DeliveryStateEnum": "billing.models.DeliveryState",
        "ComponentStateEnum": "api.status.STATES",
        "OverlapEnum": "billing.webhooks.OVERLAPS",
        "ExportContentEnum": "billing.models.ExportContent",
        "ExportStateEnum": "billing.models.ExportState",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "api.schema.finish"],
}

# ---------------------------------------------------------------- logs: never a body, never a credential

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.level("LOG_LEVEL")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "ERROR"},
        "aiohttp": {"level": "WARNING"},
    },
}
