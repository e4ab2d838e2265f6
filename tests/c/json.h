/* JSON for `adapter.c`: a line is read into a row of nodes, each followed by what is inside of it.
 *
 * It is strict, it takes no memory but what stands here, and its depth is bounded. Who has a reader of JSON
 * already uses that one. Not here: what the values mean.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LINE_MAX_OCTETS = 131072, /* of a line, without its end */
    NODES_MAX = 4096,         /* values in a line; the longest request has some hundred */
    DEPTH_MAX = 16            /* objects and arrays in each other */
};

enum kind { OBJECT, ARRAY, STRING, NUMBER, WORD };

struct node {
    enum kind kind;
    size_t start, end; /* in `line`; of a string what it means, its escapes resolved in place */
    size_t next;       /* the node after this one and all that is inside of it */
};

/* Octets that are not ended by NUL, since a text may hold one. */
struct text {
    const char *at;
    size_t len;
};

static char line[LINE_MAX_OCTETS + 1];
static struct node nodes[NODES_MAX];
static size_t node_count;

static bool is_digit(char it) { return it >= '0' && it <= '9'; }

static int hex_digit(char it) {
    if (is_digit(it)) return it - '0';
    return it >= 'a' && it <= 'f' ? it - 'a' + 10 : -1;
}

/* Whether all of it is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *octets, size_t len) {
    const unsigned char *at = (const unsigned char *)octets;
    for (size_t i = 0; i < len;) {
        size_t more = at[i] < 0x80 ? 0 : at[i] >= 0xC2 && at[i] < 0xE0 ? 1
                    : at[i] >= 0xE0 && at[i] < 0xF0 ? 2 : at[i] >= 0xF0 && at[i] < 0xF5 ? 3 : 4;
        if (more == 4 || len - i <= more) return false;
        for (size_t k = 1; k <= more; k++)
            if ((at[i + k] & 0xC0) != 0x80) return false;
        if ((at[i] == 0xE0 && at[i + 1] < 0xA0) || (at[i] == 0xED && at[i + 1] > 0x9F)) return false;
        if ((at[i] == 0xF0 && at[i + 1] < 0x90) || (at[i] == 0xF4 && at[i + 1] > 0x8F)) return false;
        i += more + 1;
    }
    return true;
}

/* Four hex digits of either case, or -1. */
static int32_t unit(const char *at, size_t left) {
    int32_t value = 0;
    if (left < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] - 'A' + 'a') : at[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t point) {
    if (point < 0x80) { out[0] = (char)point; return 1; }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[more] | (point >> (6 * more)));
    for (size_t i = 1; i <= more; i++) out[i] = (char)(0x80 | ((point >> (6 * (more - i))) & 0x3F));
    return more + 1;
}

/* Resolves the escape behind the backslash before `*at`; octets written, or 0. It never writes past `*at`. */
static size_t unescape(size_t *at, size_t len, char *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (*at >= len) return 0;
    char sort = line[(*at)++];
    const char *found = sort ? strchr(from, sort) : NULL;
    if (found) { *out = to[found - from]; return 1; }
    int32_t high = sort == 'u' ? unit(line + *at, len - *at) : -1;
    if (high < 0 || (high >= 0xDC00 && high < 0xE000)) return 0;
    *at += 4;
    if (high < 0xD800 || high >= 0xE000) return put_utf8(out, (uint32_t)high);
    if (len - *at < 6 || line[*at] != '\\' || line[*at + 1] != 'u') return 0;
    int32_t low = unit(line + *at + 2, 4);
    if (low < 0xDC00 || low >= 0xE000) return 0;
    *at += 6;
    return put_utf8(out, 0x10000 + (((uint32_t)high - 0xD800) << 10) + ((uint32_t)low - 0xDC00));
}

/* A string whose first quote is at `*at`. */
static bool read_string(size_t *at, size_t len, struct node *it) {
    size_t out = it->start = ++*at;
    while (*at < len && line[*at] != '"') {
        if ((unsigned char)line[*at] < 0x20) return false;
        if (line[*at] != '\\') { line[out++] = line[(*at)++]; continue; }
        ++*at;
        size_t written = unescape(at, len, line + out);
        if (written == 0) return false;
        out += written;
    }
    it->kind = STRING;
    it->end = out;
    return (*at)++ < len;
}

static bool digits(size_t *at, size_t len) {
    size_t start = *at;
    while (*at < len && is_digit(line[*at])) ++*at;
    return *at > start;
}

static bool read_number(size_t *at, size_t len, struct node *it) {
    size_t start = *at, whole = start + (line[start] == '-');
    *at = whole;
    if (!digits(at, len) || (line[whole] == '0' && *at > whole + 1)) return false;
    if (*at < len && line[*at] == '.' && (++*at, !digits(at, len))) return false;
    if (*at < len && (line[*at] == 'e' || line[*at] == 'E')) {
        ++*at;
        if (*at < len && (line[*at] == '+' || line[*at] == '-')) ++*at;
        if (!digits(at, len)) return false;
    }
    *it = (struct node){NUMBER, start, *at, 0};
    return true;
}

/* A value that holds no others. */
static bool read_plain(size_t *at, size_t len, struct node *it) {
    static const char *const words[] = {"true", "false", "null"};
    if (line[*at] == '"') return read_string(at, len, it);
    if (line[*at] == '-' || is_digit(line[*at])) return read_number(at, len, it);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i]);
        if (len - *at < size || memcmp(line + *at, words[i], size) != 0) continue;
        *it = (struct node){WORD, *at, *at + size, 0};
        *at += size;
        return true;
    }
    return false;
}

/* Reads `line` into `nodes`. What is open is kept in a stack of fixed size: there is no recursion. */
static bool parse(size_t len) {
    enum { VALUE, FIRST_VALUE, KEY, FIRST_KEY, COLON, AFTER } want = VALUE;
    size_t open[DEPTH_MAX], depth = 0, at = 0;
    node_count = 0;
    for (;;) {
        while (at < len && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r')) at++;
        if (at == len) return want == AFTER && depth == 0;
        char it = line[at];
        struct node *top = depth ? &nodes[open[depth - 1]] : NULL;
        bool may_close = want == AFTER || want == FIRST_VALUE || want == FIRST_KEY;
        if (top && may_close && it == (top->kind == OBJECT ? '}' : ']')) {
            top->end = ++at;
            top->next = node_count;
            depth--;
            want = AFTER;
        } else if (want == AFTER) {
            if (!top || it != ',') return false;
            at++;
            want = top->kind == OBJECT ? KEY : VALUE;
        } else if (want == COLON) {
            if (it != ':') return false;
            at++;
            want = VALUE;
        } else {
            bool is_key = want == KEY || want == FIRST_KEY;
            if (node_count == NODES_MAX || (is_key && it != '"')) return false;
            struct node *node = &nodes[node_count++];
            if (it == '{' || it == '[') {
                if (depth == DEPTH_MAX) return false;
                *node = (struct node){it == '{' ? OBJECT : ARRAY, at++, 0, 0};
                open[depth++] = node_count - 1;
                want = it == '{' ? FIRST_KEY : FIRST_VALUE;
            } else {
                if (!read_plain(&at, len, node)) return false;
                node->next = node_count;
                want = is_key ? COLON : AFTER;
            }
        }
    }
}

static bool is_text(const struct node *it, const char *word) {
    size_t size = strlen(word);
    return it && it->kind == STRING && it->end - it->start == size
        && memcmp(line + it->start, word, size) == 0;
}

/* The member of that name; NULL when there is none, there are two, or `object` is none. */
static const struct node *member(const struct node *object, const char *name) {
    const struct node *found = NULL;
    if (!object || object->kind != OBJECT) return NULL;
    for (size_t key = (size_t)(object - nodes) + 1; key < object->next; key = nodes[key + 1].next) {
        if (!is_text(&nodes[key], name)) continue;
        if (found) return NULL;
        found = &nodes[key + 1];
    }
    return found;
}

static inline bool get_text(const struct node *object, const char *name, struct text *out) {
    const struct node *it = member(object, name);
    if (!it || it->kind != STRING) return false;
    *out = (struct text){line + it->start, it->end - it->start};
    return true;
}

/* A whole number from 0 to 2^64 - 1, exactly. */
static bool is_number(const struct node *it, uint64_t *out) {
    if (!it || it->kind != NUMBER) return false;
    *out = 0;
    for (size_t i = it->start; i < it->end; i++) {
        if (!is_digit(line[i])) return false;
        uint64_t digit = (uint64_t)(line[i] - '0');
        if (*out > (UINT64_MAX - digit) / 10) return false;
        *out = *out * 10 + digit;
    }
    return true;
}

static inline bool get_number(const struct node *object, const char *name, uint64_t *out) {
    return is_number(member(object, name), out);
}

static inline bool get_flag(const struct node *object, const char *name, bool *out) {
    const struct node *it = member(object, name);
    if (!it || it->kind != WORD || line[it->start] == 'n') return false;
    *out = line[it->start] == 't';
    return true;
}

static inline bool get_octets(const struct node *object, const char *name, uint8_t *out, size_t room,
                              size_t *len) {
    struct text hex;
    if (!get_text(object, name, &hex) || hex.len % 2 != 0 || hex.len / 2 > room) return false;
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = hex_digit(hex.at[2 * i]), low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    *len = hex.len / 2;
    return true;
}

#endif
