//! A school's Django application, unchanged, on two PCs, each with its own PostgreSQL: people work through its
//! ORM and its admin, apart and together, and both databases come to hold the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tandem_tests::django::{MADE_BY_MIGRATIONS, Pc, School};
use tandem_tests::lan::Lan;
use tandem_tests::postgres::Server;
use tandem_tests::site::Site;
use tandem_tests::wait;

/// The form of a student.
const ONE: &str = "/admin/school/student/1/change/";

/// What happens on a PC while the other is away.
const APART: &str = "
from django.contrib.auth.models import *
Enrollment.objects.filter(pk=1).update(hours_consumed=F('hours_consumed') + CONSUMED)
level = Level.objects.create(name='de NAME')
student = Student.objects.create(first_name='NAME', last_name='par le programme')
student.levels.set([level, Level.objects.get(name='N4')])
user = User.objects.create_user('NAME', password='x')
group = Group.objects.create(name='NAME')
group.permissions.add(Permission.objects.get(codename='change_student'))
user.groups.add(group)
user.user_permissions.add(Permission.objects.get(codename='view_payment'))
cohort = Cohort.objects.create(name='NAME', level=level, teacher=user, start_date=date(2026, 9, 8))
contract = Enrollment.objects.create(student=student, cohort=cohort)
contract.payments.create(amount='20.10', updated_by=user)
Attendance.objects.create(cohort=cohort, student=student, date=date(2026, 9, 8))
";

#[test]
fn a_django_school_on_two_pcs_has_one_database() {
    let server = Server::start().expect("./test installs PostgreSQL");
    let school = School::new(&server);
    school.equal();
    let (office, classroom) = (&school.office.application, &school.classroom.application);

    // Together: forms of the admin, by somebody whom only the other PC made; the ORM.
    classroom
        .fill(ONE, &[("phone", "0550 12"), ("emergency_contact", "{\"nom\": \"é\", \"tel\": [1.50, null]}")]);
    school.equal();
    office.orm("Student.objects.filter(first_name='Léo').update(address='Rue 1')");
    office.fill("/admin/school/enrollment/1/change/", &[("payments-1-amount", "75.50")]);
    school.equal();
    assert_eq!(office.orm("print(Student.objects.get(pk=1).phone)"), "0550 12\n");
    let paid = "print(*Payment.objects.order_by('amount').values_list('amount', 'updated_by__username'))";
    assert_eq!(classroom.orm(paid), "(Decimal('75.50'), 'directrice') (Decimal('150.00'), None)\n");

    // Apart: other fields of one row by forms, one total, new rows of every kind.
    school.part();
    let before = school.ids();
    assert_eq!(before[0], before[1]);
    office.fill(ONE, &[("address", "Rue 2")]);
    classroom.fill(ONE, &[("date_of_birth", "2010-03-01")]);
    for (application, consumed, name) in [(office, 2, "Nadia"), (classroom, 3, "Omar")] {
        application.orm(&APART.replace("CONSUMED", &consumed.to_string()).replace("NAME", name));
        application
            .fill("/admin/school/student/add/", &[("first_name", name), ("last_name", "par le formulaire")]);
        application.fill("/admin/school/enrollment/1/change/", &[("payments-2-amount", "10")]);
    }
    let [there, here] = school.ids();
    let new = |after: &[BTreeSet<String>]| -> Vec<BTreeSet<String>> {
        after.iter().zip(&before[0]).map(|(after, before)| after - before).collect()
    };
    for (table, (one, other)) in school.tables().iter().zip(new(&there).iter().zip(&new(&here))) {
        assert!(one.is_disjoint(other), "{table}: {one:?} {other:?}");
        let is_made_by_migrations = ["django_content_type", "auth_permission"].contains(&table.as_str());
        assert_eq!(one.is_empty(), is_made_by_migrations, "{table}: {one:?}");
        assert_eq!(one.len(), other.len(), "{table}: {other:?}");
    }
    school.together();
    let all: Vec<BTreeSet<String>> = there.iter().zip(&here).map(|(one, other)| one | other).collect();
    assert_eq!(school.ids(), [all.clone(), all]);
    let anais = office.orm("s = Student.objects.get(pk=1); print(s.phone, s.address, s.date_of_birth)");
    assert_eq!(anais, "0550 12 Rue 2 2010-03-01\n");
    assert_eq!(office.orm("print(Enrollment.objects.get(pk=1).hours_consumed)"), "5\n");
    assert_eq!(school.office.site.conflicts(), [Value::Null; 0]);
    school.healthy();
}

#[test]
fn what_forms_of_djangos_admin_contradict_each_other_in_is_listed_and_settled_by_them() {
    let server = Server::start().expect("./test installs PostgreSQL");
    let school = School::new(&server);
    school.equal();
    let (office, classroom) = (&school.office.application, &school.classroom.application);
    let sites = [&school.office.site, &school.classroom.site];
    let listed = |site: &Site, kind: &str| {
        let of_kind = |conflict: &Value| conflict["kind"] == kind;
        site.conflicts().into_iter().filter(of_kind).collect::<Vec<_>>()
    };
    // One field, by two forms; a student is deleted here and enrolled there.
    school.part();
    office.fill(ONE, &[("phone", "0550 12")]);
    classroom.fill(ONE, &[("phone", "0550 21")]);
    office.fill("/admin/school/student/2/delete/", &[]);
    classroom.fill("/admin/school/enrollment/add/", &[("student", "2"), ("cohort", "1")]);
    assert_eq!(office.orm("print(Student.objects.count())"), "1\n");
    school.together();
    wait::equal(&sites);
    assert_eq!(office.orm("print(Enrollment.objects.get(student_id=2).student)"), "Léo Martin\n");
    for site in sites {
        let [phone] = &listed(site, "register")[..] else { panic!("{:?}", site.conflicts()) };
        assert_eq!(phone["columns"], json!(["phone"]));
        assert_eq!(phone["versions"].as_array().unwrap().len(), 2, "{phone}");
        assert_eq!(listed(site, "reference").len(), 1, "{:?}", site.conflicts());
    }
    // Whoever saves the form again has seen both.
    office.fill(ONE, &[("phone", "0550 21 12")]);
    school.equal();
    wait::equal(&sites);
    assert!(listed(sites[1], "register").is_empty(), "{:?}", sites[1].conflicts());

    // Who came is written down on both PCs: two rows, where the database allows one.
    school.part();
    for (application, status) in [(office, "late"), (classroom, "absent")] {
        let came = [("cohort", "1"), ("student", "1"), ("date", "2026-09-14"), ("status", status)];
        application.fill("/admin/school/attendance/add/", &came);
    }
    school.classroom.site.host().plug();
    wait::equal(&sites);
    let seen = "print(*Attendance.objects.filter(date='2026-09-14').values_list('status', flat=True))";
    assert_eq!((office.orm(seen).as_str(), classroom.orm(seen).as_str()), ("late\n", "absent\n"));
    for site in sites {
        assert_eq!(listed(site, "unique").len(), 1, "{:?}", site.conflicts());
    }
    let late = office.orm("print(Attendance.objects.get(date='2026-09-14').pk)");
    office.fill(&format!("/admin/school/attendance/{}/delete/", late.trim()), &[]);
    school.equal();
    assert_eq!(office.orm(seen), "absent\n");
    wait::equal(&sites);
    assert!(listed(sites[0], "unique").is_empty(), "{:?}", sites[0].conflicts());
    sites.iter().for_each(|site| site.verify());
}

/// A form shows what was there when it was opened, and sends all of it.
#[test]
fn a_form_of_djangos_admin_opened_before_an_edit_arrived_loses_nothing() {
    let server = Server::start().expect("./test installs PostgreSQL");
    let school = School::new(&server);
    school.equal();
    let (office, classroom) = (&school.office.application, &school.classroom.application);
    let contract = "/admin/school/enrollment/1/change/";
    let (mut student, mut enrollment) = (classroom.open(ONE), classroom.open(contract));
    office.fill(ONE, &[("phone", "0550 12")]);
    office.orm("Enrollment.objects.filter(pk=1).update(hours_consumed=F('hours_consumed') + 2)");
    school.equal();
    student.insert("address".into(), "Rue 3".into());
    classroom.send(ONE, &student);
    enrollment.insert("hours_purchased".into(), "60".into());
    classroom.send(contract, &enrollment);
    school.equal();
    wait::equal(&[&school.office.site, &school.classroom.site]);
    // Nobody counted the hours back; of the phone number what was saved last is shown, the other is listed.
    let hours = "e = Enrollment.objects.get(pk=1); print(e.hours_purchased, e.hours_consumed)";
    assert_eq!(office.orm(hours), "60 2\n");
    let sent = "s = Student.objects.get(pk=1); print(repr(s.phone), s.address)";
    assert_eq!(office.orm(sent), "'' Rue 3\n");
    for site in [&school.office.site, &school.classroom.site] {
        let conflicts = site.conflicts();
        let [phone] = &conflicts[..] else { panic!("{conflicts:?}") };
        assert_eq!((&phone["kind"], &phone["columns"]), (&json!("register"), &json!(["phone"])));
        let values: BTreeSet<&str> =
            phone["versions"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
        assert_eq!(values, BTreeSet::from(["", "0550 12"]), "{phone}");
    }
    school.healthy();
}

#[test]
fn djangos_migrate_runs_on_one_pc_today_and_on_the_other_tomorrow() {
    let server = Server::start().expect("./test installs PostgreSQL");
    let school = School::new(&server);
    school.equal();
    let (office, classroom) = (&school.office.application, &school.classroom.application);
    let sites = [&school.office.site, &school.classroom.site];
    let attached = |site: &Site, table: &str| {
        wait::until("the new table to be attached", &sites, || {
            let shown = site.tandem(&["attach", "show"]).json();
            let has_it = shown["tables"].as_array().unwrap().iter().any(|one| one == table);
            if has_it { Ok(()) } else { Err(shown.to_string()) }
        });
    };
    // Today: the office has the new release, the classroom works on with the old one.
    office.update("second_release");
    office.manage(&["migrate"]);
    attached(sites[0], "school_discount");
    office.fill("/admin/school/discount/add/", &[("name", "Fratrie"), ("percent", "10")]);
    office.fill(ONE, &[("language", "ja"), ("phone", "0550 12")]);
    classroom.fill("/admin/school/student/add/", &[("first_name", "Tiana"), ("last_name", "Rabe")]);
    classroom.fill("/admin/school/student/2/change/", &[("phone", "0341 7")]);
    let names = "print(*Student.objects.order_by('first_name').values_list('first_name', 'phone'))";
    let expected = "('Anaïs', '0550 12') ('Léo', '0341 7') ('Tiana', '')\n";
    wait::until("the work of both in the old columns", &sites, || {
        match [office.orm(names), classroom.orm(names)] {
            both if both.iter().all(|one| one == expected) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    // Tomorrow.
    classroom.update("second_release");
    classroom.manage(&["migrate"]);
    attached(sites[1], "school_discount");
    school.equal();
    let languages = "print(*Student.objects.order_by('first_name').values_list('language', flat=True))";
    assert_eq!(classroom.orm(languages), "ja fr fr\n");
    assert_eq!(office.orm(languages), "ja fr fr\n");
    classroom.fill("/admin/school/discount/add/", &[("name", "Bourse"), ("percent", "50")]);
    office.fill("/admin/school/discount/add/", &[("name", "Ramadan"), ("percent", "20")]);
    classroom.orm("Enrollment.objects.filter(pk=1).update(discount=Discount.objects.get(name='Fratrie'))");
    school.equal();
    assert_eq!(classroom.orm("print(Discount.objects.count())"), "3\n");
    assert_eq!(office.orm("print(Enrollment.objects.get(pk=1).discount)"), "Fratrie\n");
    // Content types and permissions came with the first migration: there is one of each.
    let types = "from django.contrib.contenttypes.models import *\nprint(ContentType.objects.filter(model='discount').count())";
    assert_eq!(classroom.orm(types), "1\n");
    assert_eq!(sites[0].conflicts(), [Value::Null; 0]);
    school.healthy();
}

/// Django numbers what it makes by itself in the order in which its migrations ran: the office's admin and
/// sessions came later than the rest, the classroom's came with it.
#[test]
fn content_types_that_a_new_pc_numbered_otherwise_are_those_of_the_school() {
    let server = Server::start().expect("./test installs PostgreSQL");
    let lan = Lan::new();
    let (office, classroom) = (Pc::new(&server, &lan, "office"), Pc::new(&server, &lan, "classroom"));
    office.application.manage(&["migrate", "school"]);
    office.application.manage(&["migrate"]);
    classroom.application.manage(&["migrate"]);
    let types = "from django.contrib.auth.models import *\nfrom django.contrib.admin.models import *\n";
    office.application.orm(&format!("{types}ContentType.objects.create(app_label='old', model='here')"));
    classroom.application.orm(&format!(
        "{types}ContentType.objects.create(app_label='old', model='there')
of_payments = ContentType.objects.get(model='payment')
user = User.objects.create_user('aide', pk=50)
user.user_permissions.add(Permission.objects.get(codename='view_payment'))
LogEntry.objects.log_action(50, of_payments.pk, '1', 'seen', CHANGE)"
    ));
    let numbered = |pc: &Pc<'_>| pc.database.rows("SELECT id, model FROM django_content_type ORDER BY id");
    let (of_office, of_classroom) = (numbered(&office), numbered(&classroom));
    let is_same = |(one, other): (&String, &String)| one == other;
    assert!(!of_office.iter().zip(&of_classroom).any(is_same), "{of_office:?} {of_classroom:?}");
    office.found();
    classroom.site.start();
    classroom.site.join(&office.site.invite());
    let day = classroom.attach(&[]);
    assert_eq!((&day["taken_in"], &day["equal"]), (&json!(3), &json!(MADE_BY_MIGRATIONS)), "{day}");
    let school = School { office, classroom };
    school.equal();
    let meant = format!(
        "{types}print(*User.objects.get(pk=50).get_user_permissions(), LogEntry.objects.get().content_type.model)"
    );
    assert_eq!(school.classroom.application.orm(&meant), "school.view_payment payment\n");
    let old = "SELECT model FROM django_content_type WHERE app_label = 'old' ORDER BY 1";
    assert_eq!(school.office.database.rows(old), ["(here)", "(there)"]);
    assert_eq!(school.office.site.conflicts(), [Value::Null; 0]);
    school.healthy();
}
