#include "lib/testing.h"

#include "base/mem.h"
#include "kube/metrics.h"

#include <math.h>
#include <string.h>

static void expect(const struct metrics *m, const char *text)
{
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1 << 20);
    metrics_render(m, &out);
    assert_false(out.truncated);
    assert_string_equal(buf_text(&out), text);
}

static void families_and_series_come_in_the_order_of_their_making(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *requests = metrics_family(
        &m, METRIC_COUNTER, "rest_client_requests_total", "Requests.", "code,method,host", NULL, 0);
    struct metric_family *depth =
        metrics_family(&m, METRIC_GAUGE, "workqueue_depth", "Depth.", "", NULL, 0);
    metric_set(metric_get(depth), 7);
    metric_add(metric_get(requests, "429", "GET", "h:6443"), 1);
    metric_add(metric_get(requests, "200", "GET", "h:6443"), 2);
    metric_add(metric_get(requests, "429", "GET", "h:6443"), 1);
    metric_add(metric_get(depth), -3);
    expect(&m, "# HELP rest_client_requests_total Requests.\n"
               "# TYPE rest_client_requests_total counter\n"
               "rest_client_requests_total{code=\"429\",method=\"GET\",host=\"h:6443\"} 2\n"
               "rest_client_requests_total{code=\"200\",method=\"GET\",host=\"h:6443\"} 2\n"
               "# HELP workqueue_depth Depth.\n"
               "# TYPE workqueue_depth gauge\n"
               "workqueue_depth 4\n");
}

static void an_empty_registry_renders_nothing(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    expect(&m, "");
    metrics_fini(NULL);
}

static void a_family_is_made_once(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f = metrics_family(&m, METRIC_GAUGE, "n", "h", "", NULL, 0);
    metric_set(metric_get(f), 3);
    assert_ptr_equal(metrics_family(&m, METRIC_GAUGE, "n", "h", "", NULL, 0), f);
    expect(&m, "# HELP n h\n# TYPE n gauge\nn 3\n");
}

static void series_are_told_apart_by_every_label(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f = metrics_family(&m, METRIC_COUNTER, "n", "h", "a,b", NULL, 0);
    struct metric *one = metric_get(f, "x", "y");
    assert_ptr_equal(metric_get(f, "x", "y"), one);
    assert_ptr_not_equal(metric_get(f, "y", "x"), one);
    /* values that would run together without escaping */
    assert_ptr_not_equal(metric_get(f, "x\",b=\"y", ""), metric_get(f, "x", "y\",b=\""));
    metric_add(one, 5);
    assert_true(metric_value(metric_get(f, "x", "y")) == 5);
    assert_true(metric_value(metric_get(f, "y", "x")) == 0);
}

static void a_removed_series_is_gone_and_begins_anew(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f = metrics_family(&m, METRIC_GAUGE, "n", "h", "a", NULL, 0);
    metric_set(metric_get(f, "1"), 1);
    metric_set(metric_get(f, "2"), 2);
    metric_set(metric_get(f, "3"), 3);
    metric_remove(f, "2");
    metric_remove(f, "absent");
    expect(&m, "# HELP n h\n# TYPE n gauge\nn{a=\"1\"} 1\nn{a=\"3\"} 3\n");
    assert_true(metric_value(metric_get(f, "2")) == 0);
    metric_remove(f, "3");
    metric_remove(f, "1");
    metric_remove(f, "2");
    expect(&m, "# HELP n h\n# TYPE n gauge\n");
    metric_set(metric_get(f, "4"), 4);
    expect(&m, "# HELP n h\n# TYPE n gauge\nn{a=\"4\"} 4\n");
}

static void a_series_that_is_kept_is_dropped_by_whoever_keeps_it(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f = metrics_family(&m, METRIC_GAUGE, "n", "h", "a", NULL, 0);
    struct metric *series[3];
    static const char *const names[] = {"1", "2", "3"};
    for (size_t i = 0; i < ARRAY_LEN(series); i++) {
        series[i] = metric_new(f, names[i]);
        metric_set(series[i], (double)i);
    }
    metric_drop(series[1]);
    assert_ptr_equal(metric_get(f, "3"), series[2]);
    metric_drop(series[2]);
    metric_set(metric_new(f, "4"), 4);
    metric_drop(series[0]);
    metric_drop(NULL);
    expect(&m, "# HELP n h\n# TYPE n gauge\nn{a=\"4\"} 4\n");
}

static void histograms_cumulate(void **state)
{
    (void)state;
    static const double buckets[] = {0.005, 0.1, 1, 2.5};
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f = metrics_family(&m, METRIC_HISTOGRAM, "t_seconds", "Time.",
                                             "controller", buckets, ARRAY_LEN(buckets));
    struct metric *t = metric_get(f, "memcached");
    metric_observe(t, 0.005); /* a bound belongs to its bucket */
    metric_observe(t, 0.05);
    metric_observe(t, 0.5);
    metric_observe(t, 100);
    expect(&m, "# HELP t_seconds Time.\n"
               "# TYPE t_seconds histogram\n"
               "t_seconds_bucket{controller=\"memcached\",le=\"0.005\"} 1\n"
               "t_seconds_bucket{controller=\"memcached\",le=\"0.1\"} 2\n"
               "t_seconds_bucket{controller=\"memcached\",le=\"1\"} 3\n"
               "t_seconds_bucket{controller=\"memcached\",le=\"2.5\"} 3\n"
               "t_seconds_bucket{controller=\"memcached\",le=\"+Inf\"} 4\n"
               "t_seconds_sum{controller=\"memcached\"} 100.555\n"
               "t_seconds_count{controller=\"memcached\"} 4\n");
}

static void a_histogram_without_labels_has_le_alone(void **state)
{
    (void)state;
    static const double buckets[] = {10};
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f =
        metrics_family(&m, METRIC_HISTOGRAM, "t", "h", "", buckets, ARRAY_LEN(buckets));
    metric_observe(metric_get(f), 3);
    expect(&m, "# HELP t h\n# TYPE t histogram\nt_bucket{le=\"10\"} 1\nt_bucket{le=\"+Inf\"} 1\n"
               "t_sum 3\nt_count 1\n");
}

static void numbers_are_short_and_exact(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "1"},
        {-3, "-3"},
        {1000000, "1000000"},
        {1700000000.123, "1700000000.123"},
        {9007199254740991.0, "9007199254740991"},
        {0x1p53, "9007199254740992"},
        {1e22, "1e+22"},
        {1e100, "1e+100"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e-9, "1e-09"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(metrics_fini) struct metrics m;
        CLEANUP(buf_fini) struct buf expected;
        metrics_init(&m);
        metric_set(metric_get(metrics_family(&m, METRIC_GAUGE, "n", "h", "", NULL, 0)),
                   cases[i].value);
        buf_init(&expected, 1000);
        buf_printf(&expected, "# HELP n h\n# TYPE n gauge\nn %s\n", cases[i].text);
        expect(&m, buf_text(&expected));
    }
}

static void label_values_are_escaped_and_bounded(void **state)
{
    (void)state;
    CLEANUP(metrics_fini) struct metrics m;
    metrics_init(&m);
    struct metric_family *f = metrics_family(&m, METRIC_GAUGE, "n", "h", "a,b,c,d", NULL, 0);
    metric_set(metric_get(f, "x\"y", "\\", "\n", "\t"), 1);
    expect(&m, "# HELP n h\n# TYPE n gauge\n"
               "n{a=\"x\\\"y\",b=\"\\\\\",c=\"\\n\",d=\"\t\"} 1\n");
    metric_remove(f, "x\"y", "\\", "\n", "\t");

    char huge[5000];
    memset(huge, '"', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    metric_set(metric_get(f, huge, huge, huge, huge), 1);
    CLEANUP(buf_fini) struct buf out;
    buf_init(&out, 1 << 20);
    metrics_render(&m, &out);
    assert_true(out.len < 10000);
    assert_string_equal(buf_text(&out) + out.len - 7, "\\\"\"} 1\n"); /* closed all the same */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_and_series_come_in_the_order_of_their_making),
        cmocka_unit_test(an_empty_registry_renders_nothing),
        cmocka_unit_test(a_family_is_made_once),
        cmocka_unit_test(series_are_told_apart_by_every_label),
        cmocka_unit_test(a_removed_series_is_gone_and_begins_anew),
        cmocka_unit_test(a_series_that_is_kept_is_dropped_by_whoever_keeps_it),
        cmocka_unit_test(histograms_cumulate),
        cmocka_unit_test(a_histogram_without_labels_has_le_alone),
        cmocka_unit_test(numbers_are_short_and_exact),
        cmocka_unit_test(label_values_are_escaped_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
