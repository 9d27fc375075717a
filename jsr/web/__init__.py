"""The website: upload, upscale, compare, download; and rating studies.

| folder | what |
|---|---|
| `settings.py`, `environment.py` | the Django project, set by the environment |
| `jobs` | uploads, the queue, the worker, the result page, the JSON API |
| `pages` | home, methods, results, references |
| `studies` | mean opinion scores |
| `templates`, `static`, `locale` | what visitors see, and in which language |
| `translations.py` | keeps `locale` up to date |

`serve.py` runs it all on one machine: `jsr serve`.
"""
