# One image for the service, the worker and the migrations; the command says which. Always used with DATABASE_URL.

FROM python:3.13-slim AS dependencies
WORKDIR /build
RUN python -m venv /opt/interpact
COPY requirements/runtime.txt requirements/tracing.txt ./
RUN /opt/interpact/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r runtime.txt
# docker build --build-arg TRACES=1 makes an image that can send traces.
ARG TRACES=0
RUN if [ "$TRACES" = 1 ]; then /opt/interpact/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
        --require-hashes -r tracing.txt; fi
# The same command that pyproject.toml declares; the packages are run from where they lie, as they are never built.
RUN printf '%s\n' '#!/opt/interpact/bin/python' 'import sys' 'from runtime.cli import main' 'sys.exit(main())' \
        > /opt/interpact/bin/interpact \
    && chmod 755 /opt/interpact/bin/interpact

FROM python:3.13-slim
RUN groupadd --system --gid 10001 interpact \
    && useradd --system --uid 10001 --gid interpact --no-create-home --home-dir /nonexistent interpact \
    && install -d -o interpact -g interpact -m 0700 /var/lib/interpact
COPY --from=dependencies /opt/interpact /opt/interpact
# What may be copied is listed in .dockerignore. It belongs to root, so the service cannot change its own code.
COPY . /app
RUN /opt/interpact/bin/python -m compileall -q /app
WORKDIR /app
ENV PATH=/opt/interpact/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    INTERPACT_HOST=0.0.0.0 \
    INTERPACT_PORT=8080 \
    INTERPACT_DATA_DIR=/var/lib/interpact
USER interpact
EXPOSE 8080
ENTRYPOINT ["interpact"]
CMD ["serve"]
