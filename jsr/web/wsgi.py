"""The site for any WSGI server; `jsr serve` runs it by waitress."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'jsr.web.settings')
application = get_wsgi_application()
