"""What may stand in an address."""

from django.urls import register_converter


class TokenConverter:
  """22 characters of URL-safe base64: anything else names nothing, and asks nobody."""

  regex = r'[\w-]{22}'

  def to_python(self, value: str) -> str:
    """Takes it as it is."""
    return value

  def to_url(self, value: str) -> str:
    """Writes it as it is."""
    return value


register_converter(TokenConverter, 'token')
