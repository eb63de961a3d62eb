"""A language school: its students, the groups they are taught in, what they bought, paid, and when they came."""

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.db.models import CASCADE, PROTECT, SET_NULL, Q


class Dated(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Level(models.Model):
    name = models.CharField(max_length=40, unique=True)

    def __str__(self):
        return self.name


class Student(Dated):
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=30, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    address = models.TextField(blank=True)
    emergency_contact = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    levels = models.ManyToManyField(Level, blank=True)

    class Meta:
        indexes = [models.Index(fields=["last_name", "first_name"])]

    def __str__(self):
        return f"{self.first_name} {self.last_name}"


class Cohort(Dated):
    name = models.CharField(max_length=100)
    level = models.ForeignKey(Level, PROTECT)
    teacher = models.ForeignKey(settings.AUTH_USER_MODEL, SET_NULL, null=True, blank=True)
    start_date = models.DateField()
    end_date = models.DateField(null=True, blank=True)
    starts_at = models.TimeField(default=datetime.time(18))
    duration = models.DurationField(default=datetime.timedelta(hours=2))
    max_students = models.PositiveSmallIntegerField(default=15)
    is_active = models.BooleanField(default=True)

    def __str__(self):
        return self.name


class Enrollment(Dated):
    student = models.ForeignKey(Student, PROTECT, related_name="enrollments")
    cohort = models.ForeignKey(Cohort, PROTECT, related_name="enrollments")
    payment_plan = models.CharField(
        max_length=10, default="full", choices=[("full", "Comptant"), ("monthly", "Mensuel")]
    )
    hours_purchased = models.PositiveIntegerField(default=0)
    hours_consumed = models.IntegerField(default=0)
    date = models.DateField(default=datetime.date.today)
    contract_code = models.CharField(max_length=20, null=True, blank=True, unique=True)
    is_active = models.BooleanField(default=True)

    def __str__(self):
        return f"{self.student}, {self.cohort}"


class Payment(Dated):
    enrollment = models.ForeignKey(Enrollment, PROTECT, related_name="payments")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    date = models.DateField(default=datetime.date.today)
    method = models.CharField(
        max_length=10, default="cash", choices=[("cash", "Espèces"), ("card", "Carte"), ("transfer", "Virement")]
    )
    notes = models.TextField(blank=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, SET_NULL, null=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(check=Q(amount__gt=0), name="payment_is_positive")]

    def __str__(self):
        return f"{self.amount} ({self.enrollment})"


class Attendance(Dated):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(Cohort, CASCADE)
    student = models.ForeignKey(Student, CASCADE)
    date = models.DateField()
    status = models.CharField(
        max_length=10,
        default="present",
        choices=[("present", "Présent"), ("absent", "Absent"), ("late", "Retard"), ("excused", "Excusé")],
    )
    notes = models.TextField(blank=True)

    class Meta:
        unique_together = [("cohort", "student", "date")]

    def __str__(self):
        return f"{self.student}, {self.date}: {self.get_status_display()}"
