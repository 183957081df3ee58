"""Forget calls that were noted as running: whether one runs is told by its session's lock now."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("web", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "DELETE FROM web_idempotentanswer WHERE status = 0", migrations.RunSQL.noop
        ),
        migrations.AlterField(
            model_name="idempotentanswer",
            name="status",
            field=models.PositiveSmallIntegerField(),
        ),
    ]
