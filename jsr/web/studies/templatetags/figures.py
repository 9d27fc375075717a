"""Numbers in templates as `jsr study status` prints them."""

from django import template

from jsr.web.studies import results

register = template.Library()
register.filter('figure', results.figure)
register.filter('span', results.span)
