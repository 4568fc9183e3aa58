from typing import Any

import pytest

from oomreport.cli.reports.owner_text import owner_sentences, owner_short

ARGO = {"tool": "ArgoCD", "kind": "Application", "namespace": "argocd", "name": "web", "fieldManager": "kubectl-edit"}


def test_an_owner_is_a_word_in_a_table_and_a_sentence_in_a_text() -> None:
    status = {"managedBy": ARGO}
    assert owner_short(status) == "ArgoCD argocd/web"
    assert list(owner_sentences(status)) == [
        "The manifest is managed by ArgoCD argocd/web (kind Application, fieldManager kubectl-edit)."
    ]


@pytest.mark.parametrize("status", [{}, {"managedBy": None}, {"managedBy": "Helm"}, {"managedBy": {"tool": ""}}])
def test_a_report_that_names_no_owner_says_nothing(status: dict[str, Any]) -> None:
    assert owner_short(status) == ""
    assert list(owner_sentences(status)) == []
