/* The skeleton of an adapter in C: it speaks the attachment protocol on its standard streams, and what a device
 * does goes into the hooks, which are empty. As it stands it is a null device: it answers everything and does
 * nothing, so that no test passes.
 *
 * `src/conformance/attach.md` is what it follows. C11 and its library are all that it needs; memory is fixed.
 * Not here: a device, serial lines, sockets, or a clock of its own.
 *
 *     cc -std=c11 -Wall -Wextra -O1 -o adapter tests/c/adapter.c
 *     peadsim conform --exec ./adapter --suite p256 scenarios/claims
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum {
    VERSION = 1,
    FRAME_MAX = LINE_MAX_OCTETS / 2,
    COPIES_MAX = 64,   /* snapshots of a case */
    COPY_NAME_MAX = 64,
    TURNS_MAX = 100000 /* things done by the device itself in one request */
};

/* ---- What the device says. ---- */

static uint64_t now_ns, wall_ms; /* the device's two clocks; spans are measured by the first */
static uint64_t event_count;
static uint64_t cause; /* the request that events follow from; 0 when that is time alone */
static bool is_provisioned, is_on;
static uint64_t boot_count;

static void say_text(struct text it) {
    putchar('"');
    for (size_t i = 0; i < it.len; i++) {
        unsigned char octet = (unsigned char)it.at[i];
        printf(octet < 0x20 ? "\\u%04x" : octet == '"' || octet == '\\' ? "\\%c" : "%c", octet);
    }
    putchar('"');
}

static void say_octets(const uint8_t *octets, size_t len) {
    putchar('"');
    for (size_t i = 0; i < len; i++) printf("%02x", octets[i]);
    putchar('"');
}

static void end_event(void) {
    printf(",\"seq\":%" PRIu64 ",\"at_ns\":%" PRIu64, ++event_count, now_ns);
    if (cause) printf(",\"of\":%" PRIu64, cause);
    puts("}");
}

/* A frame leaves for the server. */
void send_frame(const uint8_t *octets, size_t len) {
    fputs("{\"v\":1,\"ev\":\"net.send\",\"p\":{\"octets\":", stdout);
    say_octets(octets, len);
    putchar('}');
    end_event();
}

/* The user sees or does something: `fact_begin("display")`, its fields one after another, then `fact_end()`. */
static const char *before_field;

void fact_begin(const char *name) {
    printf("{\"v\":1,\"ev\":\"fact\",\"p\":{\"%s\":{", name);
    before_field = "";
}

static void fact_field(const char *name) {
    printf("%s\"%s\":", before_field, name);
    before_field = ",";
}

void fact_text(const char *name, struct text it) { fact_field(name); say_text(it); }
void fact_number(const char *name, uint64_t it) { fact_field(name); printf("%" PRIu64, it); }
void fact_json(const char *name, const char *json) { fact_field(name); fputs(json, stdout); }
void fact_octets(const char *name, const uint8_t *it, size_t len) { fact_field(name); say_octets(it, len); }
void fact_end(void) { fputs("}}", stdout); end_event(); }

/* ---- The device: the hooks to fill. Each may call `send_frame` and `fact_..`. ---- */

/* What the device declares. The harness asks for nothing that is `false`, and holds it to what is `true`. */
static const struct { const char *name; bool can; } capabilities[] = {
    {"approve", true}, {"compose", true}, {"request", false}, {"send", true}, {"scroll", true},
    {"rotate", true}, {"revoke", true}, {"generate", false}, {"download", false}, {"register", false},
    {"confirm", true}, {"wipe", false}, {"early_press", true},
    {"poll", true}, {"push", true}, {"refresh", true}, {"durable_table", true},
    {"prompt_events", true}, {"sync", true}, {"mediated", true}, {"native", false}, {"reset", true},
    {"snapshot", true}, {"power_cut", true}, {"power_cycle", false}, {"virtual_clock", true},
    {"clock_set", true}, {"rng_seed", false}, {"known_keys", true}, {"store_faults", false}, {"kat", false},
    {"facts", false}, {"state", false},
};

/* Becomes the device that `p` describes (`user`, `start`, `params`), with nothing of an earlier one. */
static bool device_provision(const struct node *p) { (void)p; return true; }
/* Starts; `ticket` is NULL or an object. The adapter has said `power-on` already. */
static void device_power_on(const struct node *ticket) { (void)ticket; }
/* Forgets what is not durable, and says nothing. */
static void device_power_cut(void) {}
/* A frame of the server arrives, or what came of one on its way: anything at all. */
static void device_frame(const uint8_t *octets, size_t len) { (void)octets; (void)len; }
/* The user does something. */
static void device_press(bool is_approve) { (void)is_approve; }
static void device_scroll(void) {}
static void device_send(uint64_t draft, struct text to, struct text text) {
    (void)draft; (void)to; (void)text;
}
static void device_approve(uint64_t draft, struct text to, const struct node *form) {
    (void)draft; (void)to; (void)form;
}
static void device_confirm(struct text peer, bool accept) { (void)peer; (void)accept; }
static void device_rotate(bool revoke) { (void)revoke; }
static void device_poll(void) {}
/* Copies what is durable to the place `copy` (0..COPIES_MAX-1), or back from there. */
static void device_snapshot(size_t copy) { (void)copy; }
static void device_restore(size_t copy, bool rng) { (void)copy; (void)rng; }
/* Whether it wants to go on by itself, and when. What it does then is `device_wake`, at `now_ns`. */
static bool device_due(uint64_t *when) { (void)when; return false; }
static void device_wake(void) {}
/* Whether it has something to bring to an end. */
static bool device_is_pending(void) { return false; }

/* ---- Requests. A method returns NULL when it is done, else the code of its refusal. ---- */

static struct { char name[COPY_NAME_MAX]; size_t len; } copies[COPIES_MAX];
static size_t copy_count;

/* Lets happen what is due by `until`, or at it too, each thing at its own time. */
static bool pass(uint64_t until, bool also_then) {
    const uint64_t since = now_ns, wall = wall_ms;
    uint64_t due;
    for (int turn = 0; is_on && device_due(&due) && (due < until || (also_then && due == until)); turn++) {
        if (turn == TURNS_MAX) return false;
        if (due > now_ns) now_ns = due;
        wall_ms = wall + (now_ns - since) / 1000000;
        device_wake();
    }
    return true;
}

/* Another connection, on lines where that is not to be seen otherwise, begins with request 1. */
static const char *hello(const struct node *p, uint64_t id) {
    const struct node *proto = member(p, "proto");
    uint64_t least, most;
    if (!proto || proto->kind != ARRAY || proto->next != (size_t)(proto - nodes) + 3) return "bad_request";
    if (!is_number(proto + 1, &least) || !is_number(proto + 2, &most)) return "bad_request";
    if (least > VERSION || most < VERSION) return "bad_request";
    if (!is_text(member(p, "clock"), "virtual")) return "unsupported_capability";
    is_provisioned = is_on = false;
    if (id == 1) event_count = 0;
    return NULL;
}

static const char *provision(const struct node *p) {
    struct text user;
    const struct node *suite = member(p, "suite");
    if (!get_text(p, "user", &user) || !suite || !member(p, "start") || !member(p, "params"))
        return "bad_request";
    if (!is_text(suite, "p256")) return "unsupported_capability";
    is_provisioned = is_on = false;
    now_ns = boot_count = copy_count = 0;
    if (!device_provision(p)) return "unsupported_capability";
    is_provisioned = true;
    return NULL;
}

static const char *act(const struct node *p) {
    const struct node *what = member(p, "act");
    struct text to, text;
    uint64_t draft;
    bool flag;
    if (!what || what->kind != STRING) return "bad_request";
    if (is_text(what, "press")) {
        const struct node *button = member(p, "button");
        if (!is_text(button, "approve") && !is_text(button, "reject")) return "bad_request";
        device_press(is_text(button, "approve"));
    } else if (is_text(what, "scroll")) {
        device_scroll();
    } else if (is_text(what, "poll")) {
        device_poll();
    } else if (is_text(what, "send")) {
        if (!get_number(p, "draft", &draft) || !get_text(p, "to", &to) || !get_text(p, "text", &text))
            return "bad_request";
        device_send(draft, to, text);
    } else if (is_text(what, "approve")) {
        if (!get_number(p, "draft", &draft) || !get_text(p, "to", &to)) return "bad_request";
        device_approve(draft, to, p);
    } else if (is_text(what, "confirm")) {
        if (!get_text(p, "peer", &to) || !get_flag(p, "accept", &flag)) return "bad_request";
        device_confirm(to, flag);
    } else if (is_text(what, "rotate")) {
        if (!get_flag(p, "revoke", &flag)) return "bad_request";
        device_rotate(flag);
    } else {
        return "unsupported_capability";
    }
    return NULL;
}

static const char *copy(const struct node *p, bool back) {
    struct text name;
    bool rng = false;
    size_t place = 0;
    if (!get_text(p, "name", &name) || name.len > COPY_NAME_MAX) return "bad_request";
    if (member(p, "rng") && !get_flag(p, "rng", &rng)) return "bad_request";
    while (place < copy_count
           && (copies[place].len != name.len || memcmp(copies[place].name, name.at, name.len) != 0)) place++;
    if (back) {
        if (is_on) return "wrong_state";
        if (place == copy_count) return "bad_request";
        device_restore(place, rng);
        return NULL;
    }
    if (place == COPIES_MAX) return "internal";
    if (place == copy_count) {
        memcpy(copies[place].name, name.at, name.len);
        copies[copy_count++].len = name.len;
    }
    device_snapshot(place);
    return NULL;
}

static const char *deliver(const struct node *p) {
    static uint8_t octets[FRAME_MAX];
    size_t len;
    if (!get_octets(p, "octets", octets, sizeof octets, &len)) return "bad_request";
    device_frame(octets, len);
    return NULL;
}

static const char *power_on(const struct node *p) {
    const struct node *ticket = member(p, "ticket");
    if (ticket && ticket->kind != OBJECT && ticket->kind != WORD) return "bad_request";
    is_on = true;
    fact_begin("power-on");
    fact_number("boot", ++boot_count);
    fact_end();
    device_power_on(ticket && ticket->kind == OBJECT ? ticket : NULL);
    return NULL;
}

/* A method that takes time: what is due before comes first. Loss of power and copies leave no time for that. */
static const char *happen(const struct node *m, const struct node *p, uint64_t id) {
    bool is_time = is_text(m, "clock.advance") || is_text(m, "sync");
    bool is_input = is_text(m, "net.deliver") || is_text(m, "user.act");
    bool is_start = is_text(m, "power.on"), is_copy = is_text(m, "snapshot"), is_back = is_text(m, "restore");
    bool is_quiet = is_text(m, "power.cut") || is_copy || is_back;
    uint64_t now, wall;
    if (!is_time && !is_input && !is_start && !is_quiet) return "unimplemented";
    if (!is_provisioned || (is_input && !is_on) || (is_start && is_on)) return "wrong_state";
    if (!get_number(p, "now_ns", &now) || !get_number(p, "wall_ms", &wall) || now < now_ns)
        return "bad_request";
    if (!is_quiet && !pass(now, false)) return "internal";
    now_ns = now;
    wall_ms = wall;
    cause = is_time ? 0 : id;
    const char *code = NULL;
    if (is_text(m, "net.deliver")) code = deliver(p);
    else if (is_input) code = act(p);
    else if (is_start) code = power_on(p);
    else if (is_copy || is_back) code = copy(p, is_back);
    else if (is_quiet) { device_power_cut(); is_on = false; }
    if (!code && !is_quiet && !pass(now, true)) code = "internal";
    return code;
}

static void welcome(void) {
    fputs("{\"proto\":1,\"product\":{\"vendor\":\"nobody\",\"model\":\"null device\",\"version\":\"1\"},"
          "\"capabilities\":{", stdout);
    for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
        printf("%s\"%s\":%s", i ? "," : "", capabilities[i].name, capabilities[i].can ? "true" : "false");
    fputs("}}", stdout);
}

static void settled(void) {
    uint64_t due;
    printf("{\"seq\":%" PRIu64 ",\"next_ns\":", event_count);
    if (is_on && device_due(&due)) printf("%" PRIu64, due);
    else fputs("null", stdout);
    printf(",\"pending\":%s}", is_provisioned && device_is_pending() ? "true" : "false");
}

static void refuse(const char *code) {
    printf("\"err\":{\"code\":\"%s\",\"definite\":true,\"text\":\"%s\"}", code, code);
}

/* Answers the request in `line`; whether the session goes on. What is no request is answered as number 0. */
static bool answer(size_t len) {
    uint64_t id = 0, version = 0;
    bool is_json = is_utf8(line, len) && parse(len) && nodes[0].kind == OBJECT;
    const struct node *m = is_json ? member(nodes, "m") : NULL;
    const struct node *p = is_json ? member(nodes, "p") : NULL;
    bool is_request = is_json && get_number(nodes, "id", &id) && m && m->kind == STRING
        && get_number(nodes, "v", &version) && version == VERSION && (!p || p->kind == OBJECT);
    bool is_hello = is_request && is_text(m, "hello"), is_over = is_request && is_text(m, "shutdown");
    bool is_plain = is_over || (is_request && (is_text(m, "ping") || is_text(m, "provision")));
    const char *code = !is_request ? "bad_request" : is_hello ? hello(p, id)
        : is_text(m, "provision") ? provision(p) : is_plain ? NULL : happen(m, p, id);
    cause = 0;
    printf("{\"v\":1,\"re\":%" PRIu64 ",", id);
    if (code) refuse(code);
    else {
        fputs("\"ok\":", stdout);
        if (is_hello) welcome();
        else if (is_plain) fputs("{}", stdout);
        else settled();
    }
    puts("}");
    if (fflush(stdout) != 0) exit(EXIT_FAILURE); /* nobody listens any more */
    return !is_over;
}

int main(void) {
    size_t len = 0;
    for (int it; (it = getchar()) != EOF;) {
        if (it != '\n') {
            /* The rest of a line that is too long is passed over; at that length it is no request. */
            if (len <= LINE_MAX_OCTETS) line[len++] = (char)it;
            continue;
        }
        if (len > LINE_MAX_OCTETS) { line[0] = '\0'; len = 1; }
        if (!answer(len)) return EXIT_SUCCESS;
        len = 0;
    }
    return EXIT_SUCCESS; /* the harness has gone; a line without its end is none */
}
