"""Numbers in templates."""

from django import template

register = template.Library()


@register.filter
def thousands(number: int) -> str:
  """Sets the thousands apart; Django does not where the language is Chinese."""
  return f'{number:,}'
