"""What the environment tells the website; secrets come from nowhere else.

| variable | default | what |
|---|---|---|
| `JSR_SITE` | `~/.local/share/jsr/site` | folder of the database and the pictures |
| `JSR_SECRET_KEY` | random, for one run | Django's key, 50 characters or more |
| `JSR_HOSTS` | localhost | names the site answers to, with commas |
| `JSR_HTTPS` | 1 (`jsr serve` on localhost: 0) | whether visitors come by HTTPS |
| `JSR_PROXIES` | 0 | trusted proxies in front of it |
| `JSR_DATABASE` | SQLite in `JSR_SITE` | `postgresql://user:password@host/name` |
| `JSR_S3_BUCKET` | files in `JSR_SITE` | keys as AWS names them |
| `JSR_S3_ENDPOINT` | AWS | address of another service of the kind |
| `JSR_S3_PREFIX` | jsr | folder in the bucket, for this site alone |
| `JSR_MAX_BYTES` | 50 MiB | of an upload |
| `JSR_MAX_PIXELS` | 25,000,000 | of an upload |
| `JSR_MAX_RESULT` | 100,000,000 | pixels of a result |
| `JSR_RATE` | 120 | uploads an hour of a visitor; thrice that of an address |
| `JSR_ACTIVE` | 40 | unfinished jobs of a visitor |
| `JSR_QUEUE` | 2000 | unfinished jobs of all |
| `JSR_KEEP_HOURS` | 24 | until uploads and results are deleted |
| `JSR_NICE` | 10 | by how much pages come before pictures, 0 to 19 |
"""

import os
import pathlib
import secrets

from jsr import errors

_PREFIX = 'JSR_'


def text(name: str, default: str = '') -> str:
  """Returns a variable without spaces around it, or the default."""
  return os.environ.get(_PREFIX + name, '').strip() or default


def number(name: str, default: int, least: int = 1) -> int:
  """Returns a whole number.

  Raises:
    UserError: It is none, or below `least`.
  """
  value = text(name)
  if not value:
    return default
  if not value.isdecimal() or int(value) < least:
    raise errors.UserError(
      f"{_PREFIX}{name}='{value}' must be a whole number from {least}"
    )
  return int(value)


def switch(name: str, *, default: bool) -> bool:
  """Returns a switch: 0 or 1.

  Raises:
    UserError: It is something else.
  """
  value = text(name, '1' if default else '0')
  if value not in ('0', '1'):
    raise errors.UserError(f"{_PREFIX}{name}='{value}' must be 0 or 1")
  return value == '1'


def names(name: str, default: str) -> list[str]:
  """Returns a list that is written with commas."""
  return [part for each in text(name, default).split(',') if (part := each.strip())]


def folder() -> pathlib.Path:
  """Returns the folder of the site; it need not exist."""
  data = os.environ.get('XDG_DATA_HOME') or '~/.local/share'
  return pathlib.Path(text('SITE', f'{data}/jsr/site')).expanduser().absolute()


def secret_key() -> str:
  """Returns the key; without one in the environment a random one for this process."""
  return text('SECRET_KEY') or secrets.token_urlsafe(50)
