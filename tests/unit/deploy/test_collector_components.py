"""The collector's configuration has only what its image has; what it does is tested with another program."""

import yaml

from support.collector import CONFIGURATION

# Of otel/opentelemetry-collector-contrib:0.140.1, what we use. The metadata.yaml of each in that version, v0.140.0 of
# the collector's own, has "contrib" among its distributions; a component that the image lacks keeps it from starting.
IN_THE_IMAGE = {
    "receivers": {"otlp"},
    "processors": {"memory_limiter", "attributes", "batch"},
    "exporters": {"otlp"},
}


def test_every_component_is_in_the_image() -> None:
    configuration = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    used = {kind: set(components) for kind, components in configuration.items() if kind != "service"}
    assert used == IN_THE_IMAGE


def test_what_is_configured_is_what_is_used() -> None:
    configuration = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    assert configuration["service"].keys() == {"pipelines", "telemetry"}, "extensions must be in the image too"
    (pipeline,) = configuration["service"]["pipelines"].values()
    assert {kind: set(components) for kind, components in pipeline.items()} == IN_THE_IMAGE
    # First whatever refuses, last whatever collects: https://opentelemetry.io/docs/collector/configuration/#processors
    assert pipeline["processors"] == ["memory_limiter", "attributes", "batch"]
