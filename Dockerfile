# The service in one image. Build: docker build -t loyalty .
# It never migrates on its own; before each release: docker run … loyalty flask loyalty migrate

FROM python:3.11-slim-bookworm AS build
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /srv --shell /usr/sbin/nologin loyalty \
    && install --directory --owner=loyalty --group=loyalty /data
WORKDIR /srv
COPY --from=build /venv /venv
COPY wsgi.py ./
COPY config config
COPY migrations migrations
COPY loyalty loyalty
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 LOYALTY_BIND=0.0.0.0:8000
RUN python -m compileall -q config loyalty wsgi.py
USER loyalty
# Where a SQLite file belongs: LOYALTY_DATABASE_URL=sqlite:////data/loyalty.db
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["gunicorn", "-c", "config/gunicorn.py"]
