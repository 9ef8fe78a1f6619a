from pathlib import Path

import pytest

from cebox.errors import InvalidInput
from cebox.image.recipe import list_variants, load_recipe

_OS = Path(__file__).parents[3] / "os"


def refuse(variant: str, folder: Path) -> str:
    with pytest.raises(InvalidInput) as refusal:
        load_recipe(variant, folder)
    return refusal.value.code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe with one variant, as small as can be."""
    (tmp_path / "variants/tiny/overlay").mkdir(parents=True)
    (tmp_path / "overlay").mkdir()
    (tmp_path / "packages").write_text("# for all\nudev # devices\ndbus\n")
    (tmp_path / "variants/tiny/packages").write_text("\nudev\nnano\n")
    (tmp_path / "variants/tiny/variant.toml").write_text('kernel = "linux-image-amd64"\nmodules = ["nvme"]\n')
    (tmp_path / "masked-units").write_text("")
    (tmp_path / "masked-generators").write_text("")
    return tmp_path


def test_packages_of_all_and_of_the_variant_come_together_once(folder: Path) -> None:
    assert load_recipe("tiny", folder).packages == ("dbus", "linux-image-amd64", "nano", "udev")


def test_the_variants_own_files_come_last(folder: Path) -> None:
    assert load_recipe("tiny", folder).overlays == (folder / "overlay", folder / "variants/tiny/overlay")


def test_what_a_variant_need_not_say_is_nothing(folder: Path) -> None:
    recipe = load_recipe("tiny", folder)

    assert (recipe.languages, recipe.answers, recipe.left_out) == ((), (), ())


def test_a_variant_says_languages_answers_and_what_it_leaves_out(folder: Path) -> None:
    variant = folder / "variants/tiny"
    (variant / "variant.toml").write_text('kernel = "k"\nmodules = []\nlanguages = ["fr"]\n')
    (variant / "answers").write_text("# keyboard\nsome some/question select fr\n")
    (variant / "left-out").write_text("usr/share/i18n # once they are made\n")
    recipe = load_recipe("tiny", folder)

    assert recipe.languages == ("fr",)
    assert recipe.answers == ("some some/question select fr",)
    assert recipe.left_out == ("usr/share/i18n",)


def test_an_unknown_variant_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no variant 'huge'") as refusal:
        load_recipe("huge", folder)

    assert refusal.value.hint == "Choose: tiny."


def test_a_folder_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    assert refuse("tiny", tmp_path) == "recipe_missing"


@pytest.mark.parametrize("settings", ["kernel = 1", "nonsense", 'kernel = "k"\nmodules = []\nkernal = "k"\n'])
def test_malformed_settings_are_refused(folder: Path, settings: str) -> None:
    (folder / "variants/tiny/variant.toml").write_text(settings)

    assert refuse("tiny", folder) == "recipe_malformed"


@pytest.mark.parametrize("variant", list_variants(_OS))
def test_the_systems_own_variants_can_be_read(variant: str) -> None:
    recipe = load_recipe(variant)

    assert {"systemd-boot", "busybox-static", "dmsetup"} <= set(recipe.packages)
    assert recipe.initrd_init.is_file()
    # The agent blesses a start, and nothing else does.
    assert "systemd-bless-boot-generator" in recipe.masked_generators
