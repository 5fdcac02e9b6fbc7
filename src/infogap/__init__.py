"""infogap: reasoning-distillation datasets whose teacher-student information gap is controlled."""

__version__ = "0.1.0"
