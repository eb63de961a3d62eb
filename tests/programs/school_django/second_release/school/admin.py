from django.contrib import admin

from .models import Attendance, Cohort, Discount, Enrollment, Level, Payment, Student

admin.site.register([Level, Cohort, Discount, Attendance])


@admin.register(Student)
class StudentAdmin(admin.ModelAdmin):
    list_display = ["last_name", "first_name", "phone", "is_active"]
    search_fields = ["last_name", "first_name"]


class PaymentInline(admin.TabularInline):
    model = Payment
    extra = 1


@admin.register(Enrollment)
class EnrollmentAdmin(admin.ModelAdmin):
    list_display = ["student", "cohort", "hours_purchased", "hours_consumed"]
    inlines = [PaymentInline]

    def save_formset(self, request, form, formset, change):
        for payment in formset.save(commit=False):
            payment.updated_by = request.user
            payment.save()
        for gone in formset.deleted_objects:
            gone.delete()


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):
    list_display = ["enrollment", "amount", "date", "updated_by"]

    def save_model(self, request, payment, form, change):
        payment.updated_by = request.user
        super().save_model(request, payment, form, change)
