// SQLite alone: the rows of a store that a sink wrote, once more into a new file, as fast as a plain C program gets them onto
// the disk. Same tables, indexes and page size, a write-ahead log, synchronous = FULL, one prepared INSERT, transactions of
// --batch outcomes. The rows are in memory before the clock starts. One line of JSON says how fast it was.
//
//   raw-store --rows STORE --to FILE [--batch 32] [--marks]
//
// --marks also updates, in each transaction, the row of every session that it touches, as a sink has to.

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { most_sessions = 1024 };

struct blob {
    void *bytes;
    int size;
};

struct outcome {
    int64_t session, sequence, capture_time, persons;
    char *drop_stage, *drop_reason;
    struct blob body;
};

struct session {
    int64_t row, next, poses, drops;
    struct blob state;
    int touched;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void check(int status, sqlite3 *database, const char *what) {
    if (status == SQLITE_OK || status == SQLITE_DONE || status == SQLITE_ROW) return;
    fprintf(stderr, "raw-store: %s: %s\n", what, database ? sqlite3_errmsg(database) : sqlite3_errstr(status));
    exit(1);
}

static sqlite3_stmt *prepared(sqlite3 *database, const char *sql) {
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), database, sql);
    return statement;
}

static void execute(sqlite3 *database, const char *sql) {
    check(sqlite3_exec(database, sql, NULL, NULL, NULL), database, sql);
}

static void run(sqlite3 *database, sqlite3_stmt *statement) {
    check(sqlite3_step(statement), database, sqlite3_sql(statement));
    sqlite3_reset(statement);
}

static struct blob blob_of(sqlite3_stmt *row, int column) {
    struct blob blob = {NULL, sqlite3_column_bytes(row, column)};
    if (blob.size == 0) return blob;
    blob.bytes = malloc((size_t)blob.size);
    memcpy(blob.bytes, sqlite3_column_blob(row, column), (size_t)blob.size);
    return blob;
}

static char *text_of(sqlite3_stmt *row, int column) {
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? strdup((const char *)text) : NULL;
}

// The outcomes of a store, in the order in which they were stored.
static struct outcome *read_outcomes(sqlite3 *store, size_t *count) {
    size_t room = 1024;
    struct outcome *outcomes = malloc(room * sizeof *outcomes);
    sqlite3_stmt *rows = prepared(
        store, "SELECT session, sequence, capture_time_ns, drop_stage, drop_reason, persons, body FROM outcomes ORDER BY rowid");
    for (*count = 0; sqlite3_step(rows) == SQLITE_ROW; ++*count) {
        if (*count == room) outcomes = realloc(outcomes, (room *= 2) * sizeof *outcomes);
        outcomes[*count] = (struct outcome){
            .session = sqlite3_column_int64(rows, 0), .sequence = sqlite3_column_int64(rows, 1),
            .capture_time = sqlite3_column_int64(rows, 2), .drop_stage = text_of(rows, 3), .drop_reason = text_of(rows, 4),
            .persons = sqlite3_column_int64(rows, 5), .body = blob_of(rows, 6)};
    }
    sqlite3_finalize(rows);
    return outcomes;
}

// Makes the tables and the rows of the sessions, which hold nothing yet.
static int copy_sessions(sqlite3 *store, sqlite3 *target, struct session *sessions) {
    sqlite3_stmt *tables = prepared(
        store, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid");
    while (sqlite3_step(tables) == SQLITE_ROW) execute(target, (const char *)sqlite3_column_text(tables, 0));
    sqlite3_finalize(tables);
    sqlite3_stmt *rows = prepared(store, "SELECT id, uuid, stream, began_ns, first_sequence, infer_state FROM sessions");
    sqlite3_stmt *insert = prepared(
        target,
        "INSERT INTO sessions (id, uuid, stream, began_ns, first_sequence, next_sequence, poses, drops) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, 0)");
    int count = 0;
    for (; sqlite3_step(rows) == SQLITE_ROW && count < most_sessions; count++) {
        sessions[count] = (struct session){
            .row = sqlite3_column_int64(rows, 0), .next = sqlite3_column_int64(rows, 4), .state = blob_of(rows, 5)};
        for (int column = 0; column < 5; column++)
            check(sqlite3_bind_value(insert, column + 1, sqlite3_column_value(rows, column)), target, "bind");
        run(target, insert);
    }
    sqlite3_finalize(insert);
    sqlite3_finalize(rows);
    return count;
}

static struct session *session_of(struct session *sessions, int count, int64_t row) {
    for (int i = 0; i < count; i++)
        if (sessions[i].row == row) return &sessions[i];
    fprintf(stderr, "raw-store: an outcome has no session\n");
    exit(1);
}

static void save_sessions(sqlite3 *target, sqlite3_stmt *update, struct session *sessions, int count) {
    for (int i = 0; i < count; i++) {
        if (!sessions[i].touched) continue;
        sessions[i].touched = 0;
        sqlite3_bind_int64(update, 1, sessions[i].next);
        sqlite3_bind_int64(update, 2, sessions[i].poses);
        sqlite3_bind_int64(update, 3, sessions[i].drops);
        sqlite3_bind_blob(update, 4, sessions[i].state.bytes, sessions[i].state.size, SQLITE_STATIC);
        sqlite3_bind_int64(update, 5, sessions[i].row);
        run(target, update);
    }
}

int main(int count, char **words) {
    const char *rows = NULL, *to = NULL;
    size_t batch = 32;
    int marks = 0;
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--marks")) marks = 1;
        else if (i + 1 == count) goto usage;
        else if (!strcmp(words[i], "--rows")) rows = words[++i];
        else if (!strcmp(words[i], "--to")) to = words[++i];
        else if (!strcmp(words[i], "--batch")) batch = (size_t)atol(words[++i]);
        else goto usage;
    }
    if (!rows || !to || batch < 1) {
    usage:
        fprintf(stderr, "raw-store: --rows STORE --to FILE [--batch 32] [--marks]\n");
        return 2;
    }
    if (access(to, F_OK) == 0) {
        fprintf(stderr, "raw-store: %s is there already; name a new file\n", to);
        return 2;
    }
    sqlite3 *store, *target;
    check(sqlite3_open_v2(rows, &store, SQLITE_OPEN_READONLY, NULL), NULL, rows);
    check(sqlite3_open(to, &target), NULL, to);
    sqlite3_stmt *page = prepared(store, "PRAGMA page_size");
    sqlite3_step(page);
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA page_size = %d", sqlite3_column_int(page, 0));
    sqlite3_finalize(page);
    execute(target, pragma);
    execute(target, "PRAGMA journal_mode = WAL");
    execute(target, "PRAGMA synchronous = FULL");
    execute(target, "PRAGMA foreign_keys = ON");

    static struct session sessions[most_sessions];
    int session_count = copy_sessions(store, target, sessions);
    size_t outcome_count;
    struct outcome *outcomes = read_outcomes(store, &outcome_count);
    sqlite3_close(store);
    if (outcome_count == 0) {
        fprintf(stderr, "raw-store: %s has no outcomes\n", rows);
        return 1;
    }

    sqlite3_stmt *begin = prepared(target, "BEGIN IMMEDIATE"), *commit = prepared(target, "COMMIT");
    sqlite3_stmt *insert = prepared(
        target,
        "INSERT INTO outcomes (session, sequence, capture_time_ns, drop_stage, drop_reason, persons, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *update = prepared(
        target, "UPDATE sessions SET next_sequence = ?, poses = ?, drops = ?, infer_state = ? WHERE id = ?");
    long transactions = 0;
    double bytes = 0, processor = processor_seconds(), start = now();
    for (size_t first = 0; first < outcome_count; first += batch, transactions++) {
        run(target, begin);
        for (size_t i = first; i < first + batch && i < outcome_count; i++) {
            struct outcome *outcome = &outcomes[i];
            sqlite3_bind_int64(insert, 1, outcome->session);
            sqlite3_bind_int64(insert, 2, outcome->sequence);
            sqlite3_bind_int64(insert, 3, outcome->capture_time);
            sqlite3_bind_text(insert, 4, outcome->drop_stage, -1, SQLITE_STATIC);
            sqlite3_bind_text(insert, 5, outcome->drop_reason, -1, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 6, outcome->persons);
            sqlite3_bind_blob(insert, 7, outcome->body.bytes, outcome->body.size, SQLITE_STATIC);
            run(target, insert);
            bytes += outcome->body.size;
            if (!marks) continue;
            struct session *session = session_of(sessions, session_count, outcome->session);
            session->next = outcome->sequence + 1;
            if (outcome->drop_reason) session->drops++;
            else session->poses++;
            session->touched = 1;
        }
        if (marks) save_sessions(target, update, sessions, session_count);
        run(target, commit);
    }
    double took = now() - start;
    processor = processor_seconds() - processor;
    printf(
        "{\"outcomes_per_second\": %.1f, \"outcomes\": %zu, \"bytes_per_outcome\": %.1f, \"outcomes_per_commit\": %.1f, "
        "\"cpu_us_per_outcome\": %.2f}\n",
        (double)outcome_count / took, outcome_count, bytes / (double)outcome_count,
        (double)outcome_count / (double)transactions, 1e6 * processor / (double)outcome_count);
    return 0;
}
