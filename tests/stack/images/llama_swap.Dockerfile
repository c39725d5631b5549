# llama-swap's stand-in on a real llama-server; like the official images it holds /app/llama-server and starts
# with -watch-config. Context: tests/stack.
ARG LLAMA_SERVER_IMAGE=llama-swap-sync-test/llama-server:forky
FROM ${LLAMA_SERVER_IMAGE}
RUN mkdir -p /app && { [ -e /app/llama-server ] || ln -s /usr/bin/llama-server /app/llama-server; }
COPY llama_swap_standin /opt/llama_swap_standin
ENV PYTHONPATH=/opt PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
ENTRYPOINT ["python3", "-m", "llama_swap_standin", "-config", "/app/config.yaml", "-watch-config"]
CMD ["-listen", "0.0.0.0:8080"]
