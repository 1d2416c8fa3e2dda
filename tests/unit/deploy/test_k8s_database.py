"""CloudNativePG leaves to the administrator what provisioning gives to it."""

from aiops_common.postgres.append_only import OWNER
from aiops_common.postgres.provision import load
from support.manifests import of_kind
from support.servers import ROOT


def test_the_administrator_keeps_the_roles_that_it_made() -> None:
    (cluster,) = of_kind("Cluster").values()
    (administrator,) = cluster["spec"]["managed"]["roles"]
    assert administrator["name"] == cluster["spec"]["bootstrap"]["initdb"]["owner"]
    # What is not named is revoked, and with it the right to set passwords and to read what is backed up.
    made = [*load(ROOT / "deploy" / "postgres" / "roles.yaml").roles, OWNER]
    assert sorted(administrator["inRoles"]) == sorted(made)
