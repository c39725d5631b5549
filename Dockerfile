# Builds with the legacy builder and with BuildKit alike; another base: --build-arg PYTHON_IMAGE=…
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# The dependencies come first, with an empty package: a change of our code then costs one small layer.
COPY pyproject.toml README.md LICENSE ./
RUN python3 -m venv /venv \
    && mkdir llama_swap_sync && echo '__version__ = "0"' > llama_swap_sync/__init__.py \
    && /venv/bin/pip install --no-cache-dir .
COPY llama_swap_sync llama_swap_sync
# build/ still holds the empty package, which setuptools takes for newer than ours.
RUN rm -rf build \
    && /venv/bin/pip install --no-cache-dir --no-deps --force-reinstall . \
    && /venv/bin/pip uninstall --quiet --yes pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="llama-swap-sync" \
      org.opencontainers.image.description="Keeps a folder of GGUF files, llama-swap's config.yaml and the running llama-swap in step" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /venv /venv
COPY healthcheck.py entrypoint.sh /app/
COPY llama_swap_sync/service/supervisord.conf /app/supervisord.conf
# The marker tells settings.py that the image's defaults hold. HOME is a tmpfs: the root file system is read-only.
# No /config here: docker could not mount a file over a folder, and the entrypoint's advice would never be read.
# `docker exec` does not pass through the entrypoint, so the command does: it drops root as the service did.
RUN touch /etc/llama-swap-sync-image \
    && printf '#!/bin/sh\nexec /app/entrypoint.sh cli "$@"\n' > /app/llama-swap-sync \
    && chmod 755 /app/llama-swap-sync
ENV PATH=/app:/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "/app/healthcheck.py"]
ENTRYPOINT ["/app/entrypoint.sh"]
CMD ["run"]
