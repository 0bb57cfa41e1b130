"""What a web server imports: `gunicorn wsgi:app`. `flask` finds it here too."""

from config.settings import settings_from_environment
from loyalty import create_app

app = create_app(settings_from_environment())
