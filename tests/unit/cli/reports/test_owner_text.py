import pytest

from oomreport.cli.reports.owner_text import owner_sentences, owner_short

ARGO = {"tool": "ArgoCD", "kind": "Application", "namespace": "argocd", "name": "web", "fieldManager": "kubectl-edit"}


def test_an_owner_is_a_word_in_a_table_and_a_sentence_in_a_text() -> None:
    assert owner_short(ARGO) == "ArgoCD argocd/web"
    assert list(owner_sentences(ARGO)) == [
        "The manifest is managed by ArgoCD argocd/web (kind Application, fieldManager kubectl-edit)."
    ]


@pytest.mark.parametrize("owner", [None, {}, {"tool": ""}])
def test_a_report_that_names_no_owner_says_nothing(owner: dict[str, str] | None) -> None:
    assert owner_short(owner) == ""
    assert list(owner_sentences(owner)) == []
