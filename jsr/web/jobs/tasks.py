"""What django-tasks delivers."""

from django_tasks import task


@task()
def upscale(token: str) -> None:
  """Does a job."""
  from jsr.web.jobs import work

  work.upscale(token)


@task()
def measure(token: str) -> None:
  """Measures an upload's results against its original."""
  from jsr.web.jobs import work

  work.measure(token)
