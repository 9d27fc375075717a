"""Django's own commands: `python -m jsr.web.manage check --deploy`."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == '__main__':
  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'jsr.web.settings')
  execute_from_command_line(sys.argv)
