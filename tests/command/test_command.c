// SPDX-License-Identifier: MIT
// What `vknorm` says and returns when its arguments or files are wrong. No Vulkan device is needed: files are checked
// before a device is opened. Usage: test_command VKNORM
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../folder.h"
#include "safetensors.h"

extern char **environ;

enum { MAX_ARGUMENTS = 8 };
static char *program;

typedef struct outcome {
    int code;
    char text[8192]; // stdout and stderr
} outcome;

static outcome run(char *const arguments[MAX_ARGUMENTS]) {
    char *all[MAX_ARGUMENTS + 2] = {program};
    for (int i = 0; i < MAX_ARGUMENTS && arguments[i]; i++) {
        all[i + 1] = arguments[i];
    }
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, "printed", O_WRONLY | O_CREAT | O_TRUNC, 0666), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    pid_t child;
    assert_int_equal(posix_spawn(&child, program, &actions, NULL, all, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    outcome result = {.code = WEXITSTATUS(status)};
    FILE *stream = fopen("printed", "rb");
    assert_non_null(stream);
    result.text[fread(result.text, 1, sizeof result.text - 1, stream)] = '\0';
    fclose(stream);
    return result;
}

static void expect(char *const arguments[MAX_ARGUMENTS], int code, const char *message) {
    const outcome result = run(arguments);
    if (result.code != code || !strstr(result.text, message)) {
        fail_msg("%s %s ...\n  exit code %d, wanted %d\n  says:   %s\n  not:    %s", arguments[0] ? arguments[0] : "",
                 arguments[0] && arguments[1] ? arguments[1] : "", result.code, code, result.text, message);
    }
}

static void write_text(const char *path, const char *text) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void test_arguments(void **state) {
    (void)state;
    static const struct {
        char *arguments[MAX_ARGUMENTS];
        int code;
        const char *message;
    } rows[] = {
        {{NULL}, 2, "usage: vknorm COMMAND"},
        {{"--help"}, 0, "usage: vknorm COMMAND"},
        {{"-h"}, 0, "list the Vulkan devices"},
        {{"--version"}, 0, "vknorm " VKNORM_VERSION "\n"},
        {{"frob"}, 2, "vknorm: unknown command frob"},
        {{"--frob"}, 2, "vknorm: unknown command --frob"},
        {{"devices", "--help"}, 0, "usage: vknorm devices [--json]"},
        {{"devices", "--frob"}, 2, "vknorm devices: unknown option --frob\nusage: vknorm devices [--json]\n"},
        {{"devices", "--json=1"}, 2, "--json takes no value, but got \"1\""},
        {{"devices", "extra"}, 2, "\"extra\" is one argument too many, 0 wanted"},
        {{"kernels", "--help"}, 0, "usage: vknorm kernels [--suite S] [--norm K] [--dtype T]"},
        {{"kernels", "--norm", "batch,max"}, 2, "vknorm kernels: --norm: \"max\" is none of batch, instance, group, "},
        {{"kernels", "--suite=resnet"}, 2, "vknorm kernels: --suite: \"resnet\" is none of resnet50, transformer, "},
        {{"kernels", "--dtype", "f32,"}, 2, "vknorm kernels: --dtype: \"\" is none of f32, f16, bf16, all"},
        {{"kernels", "--suite", "small", "--norm", "rms"}, 2, "vknorm kernels: no suite of --suite has a norm of"},
        {{"kernels", "--fail-on-spills=1"}, 2, "--fail-on-spills takes no value, but got \"1\""},
        {{"run", "-h"}, 0, "usage: vknorm run CASES.json IN.safetensors OUT.safetensors [--device D]"},
        {{"run"}, 2, "vknorm run: 0 arguments given, 3 wanted\nusage: vknorm run CASES.json"},
        {{"run", "a", "b"}, 2, "2 arguments given, 3 wanted"},
        {{"run", "a", "b", "c", "d"}, 2, "\"d\" is one argument too many, 3 wanted"},
        {{"run", "a", "b", "c", "--device"}, 2, "--device needs a value"},
        {{"run", "--devices=1", "a", "b", "c"}, 2, "unknown option --devices=1"},
        {{"run", "--", "--help", "b", "c"}, 1, "vknorm: --help: No such file or directory"},
        {{"run", "missing.json", "in", "out"}, 1, "vknorm: missing.json: No such file or directory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(rows[i].arguments, rows[i].code, rows[i].message);
    }
}

static void test_help_of_run(void **state) {
    (void)state;
    static const char *const words[] = {
        "name",
        "norm",
        "pass",
        "mode",
        "groups",
        "normalized_rank",
        "eps",
        "momentum",
        "layout",
        "activation",
        "residual_before",
        "weight_offset",
        "biased_running_var",
        "save_statistics",
        "x",
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
        "residual",
        "dy",
        "dh",
        "y",
        "h",
        "mean",
        "rstd",
        "dx",
        "dweight",
        "dbias",
        "dresidual",
        "F32",
        "F16",
        "BF16",
        "I64",
    };
    const outcome help = run((char *[MAX_ARGUMENTS]){"run", "--help"});
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bool found = false;
        for (const char *at = help.text; !found && (at = strstr(at, words[i])); at++) {
            const char after = at[strlen(words[i])];
            found = strchr(" ,;:(\n", at[-1]) && strchr(" ,;:)\n", after);
        }
        if (!found) {
            fail_msg("run --help does not say \"%s\"", words[i]);
        }
    }
}

// Files of cases that are wrong, and what is said after "vknorm: cases.json: ".
static const char *const wrong_cases[][2] = {
    {"", "line 1: '[' or '{' expected near end of file"},
    {"[{]", "line 1: string or '}' expected near ']'"},
    {"[]]", "line 1: end of file expected near ']'"},
    {"{}", "must be an array of cases"},
    {"[3]", "case number 1: must be an object"},
    {"[{}]", "case number 1: name is missing"},
    {"[{'name': 'a'}]", "case a: norm is missing"},
    {"[{'name': 'a', 'name': 'b', 'norm': 'rms'}]", "line 1: duplicate object key near '\"name\"'"},
    {"[{'name': 'a', 'norm': 'rms'}, {'name': 'a', 'norm': 'rms'}]", "case a: the name is used twice"},
    {"[{'name': 7, 'norm': 'rms'}]", "case number 1: name is 7, but must be a text that is not empty"},
    {"[{'name': '', 'norm': 'rms'}]", "case number 1: name is \"\", but must be a text that is not empty"},
    {"[{'name': 'a', 'norm': 'rms', 'epsilon': 1}]", "case a: unknown key \"epsilon\""},
    {"[{'name': 'a', 'norm': 'max'}]", "case a: norm is \"max\", but must be batch, instance, group, layer or rms"},
    {"[{'name': 'a', 'norm': 3}]", "case a: norm is 3, but must be batch"},
    {"[{'name': 'a', 'norm': 'rms', 'pass': 'both'}]", "case a: pass is \"both\", but must be forward or backward"},
    {"[{'name': 'a', 'norm': 'rms', 'mode': true}]", "case a: mode is true, but must be train or eval"},
    {"[{'name': 'a', 'norm': 'rms', 'layout': 'NHWC'}]", "case a: layout is \"NHWC\", but must be channels_first or"},
    {"[{'name': 'a', 'norm': 'group', 'groups': 0}]", "case a: groups is 0, but must be an integer from 1"},
    {"[{'name': 'a', 'norm': 'group', 'groups': 2.0}]", "case a: groups is 2.0, but must be an integer from 1"},
    {"[{'name': 'a', 'norm': 'group', 'groups': 4294967296}]", "case a: groups is 4294967296, but must be an integer"},
    {"[{'name': 'a', 'norm': 'group'}]", "case a: groups is missing, and norm is group"},
    {"[{'name': 'a', 'norm': 'batch', 'groups': 2}]", "case a: groups is 2, but norm is batch, not group"},
    {"[{'name': 'a', 'norm': 'rms', 'normalized_rank': 7}]", "case a: normalized_rank is 7, but must be an integer"},
    {"[{'name': 'a', 'norm': 'group', 'groups': 1, 'normalized_rank': 2}]",
     "case a: normalized_rank is 2, but norm is group, not layer or rms"},
    {"[{'name': 'a', 'norm': 'rms', 'eps': -1e-5}]", "but must be a number from 0 to the largest float"},
    {"[{'name': 'a', 'norm': 'rms', 'eps': 1e39}]", "but must be a number from 0 to the largest float"},
    {"[{'name': 'a', 'norm': 'rms', 'eps': '1e-5'}]", "case a: eps is \"1e-5\", but must be a number"},
    {"[{'name': 'a', 'norm': 'batch', 'momentum': 1.5}]", "case a: momentum is 1.5, but must be a number from 0 to 1"},
    {"[{'name': 'a', 'norm': 'batch', 'momentum': 'simple'}]", "case a: momentum is \"simple\", but must be a number"},
    {"[{'name': 'a', 'norm': 'batch', 'momentum': null}]", "case a: momentum is null, but must be a number"},
    {"[{'name': 'a', 'norm': 'rms', 'activation': 'gelu'}]",
     "case a: activation is \"gelu\", but must be none, relu or"},
    {"[{'name': 'a', 'norm': 'rms', 'activation': true}]",
     "case a: activation is true, but must be none, relu or silu"},
    {"[{'name': 'a', 'norm': 'rms', 'activation': null}]",
     "case a: activation is null, but must be none, relu or silu"},
    {"[{'name': 'a', 'norm': 'rms', 'residual_before': 1}]", "case a: residual_before is 1, but must be true or false"},
    {"[{'name': 'a', 'norm': 'rms', 'residual_before': 'true'}]",
     "residual_before is \"true\", but must be true or false"},
    {"[{'name': 'a', 'norm': 'rms', 'weight_offset': '1'}]", "case a: weight_offset is \"1\", but must be a number in"},
    {"[{'name': 'a', 'norm': 'rms', 'weight_offset': -1e39}]", "but must be a number in the range of float"},
    {"[{'name': 'a', 'norm': 'rms', 'weight_offset': true}]", "case a: weight_offset is true, but must be a number in"},
    {"[{'name': 'a', 'norm': 'batch', 'biased_running_var': 0}]",
     "case a: biased_running_var is 0, but must be true or"},
    {"[{'name': 'a', 'norm': 'rms', 'save_statistics': 'no'}]",
     "case a: save_statistics is \"no\", but must be true or"},
};

// JSON with single quotes, to be readable here.
static void write_cases(const char *text) {
    char json[512];
    assert_true(strlen(text) < sizeof json);
    size_t i = 0;
    for (; text[i]; i++) {
        json[i] = '"';
        if (text[i] != '\'') {
            json[i] = text[i];
        }
    }
    json[i] = '\0';
    write_text("cases.json", json);
}

static void test_wrong_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong_cases / sizeof wrong_cases[0]; i++) {
        char message[256];
        write_cases(wrong_cases[i][0]);
        snprintf(message, sizeof message, "%s", wrong_cases[i][1]);
        expect((char *[MAX_ARGUMENTS]){"run", "cases.json", "in.safetensors", "out.safetensors"}, 1, message);
        expect((char *[MAX_ARGUMENTS]){"run", "cases.json", "in.safetensors", "out.safetensors"}, 1,
               "vknorm: cases.json: ");
        assert_int_not_equal(access("out.safetensors", F_OK), 0);
    }
}

static void test_wrong_tensors(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"x", "tensor x is of no case; names are <case>.<tensor>"},
        {"b.x", "tensor b.x is of no case"},
        {"a.b.x", "tensor a.b.x is of no case"},
        {"a.dy", "tensor a.dy: a forward case has no input \"dy\""},
        {"a.y", "tensor a.y: a forward case has no input \"y\""},
        {"back.y", "tensor back.y: a backward case has no input \"y\""},
        {"a.h", "tensor a.h: a forward case has no input \"h\""},
        {"a.dh", "tensor a.dh: a forward case has no input \"dh\""},
        {"a.statistics", "tensor a.statistics: a forward case has no input \"statistics\""},
        {"back.dh", "tensor back.dh: it needs residual_before, which is false"},
        {"back.dresidual", "tensor back.dresidual: a backward case has no input \"dresidual\""},
    };
    static const float value = 1;
    write_cases("[{'name': 'a', 'norm': 'rms'}, {'name': 'back', 'norm': 'rms', 'pass': 'backward'}]");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const vkn_safetensor tensor = {rows[i][0], VKN_SAFETENSORS_F32, 1, {1}, &value, sizeof value};
        vkn_safetensors_error error;
        assert_int_equal(vkn_safetensors_save("in.safetensors", &tensor, 1, &error), VKN_OK);
        expect((char *[MAX_ARGUMENTS]){"run", "cases.json", "in.safetensors", "out.safetensors"}, 1, rows[i][1]);
        assert_int_not_equal(access("out.safetensors", F_OK), 0);
    }
    write_text("in.safetensors", "1234567");
    expect((char *[MAX_ARGUMENTS]){"run", "cases.json", "in.safetensors", "out.safetensors"}, 1,
           "vknorm: in.safetensors: the file has 7 bytes");
    expect((char *[MAX_ARGUMENTS]){"run", "cases.json", "missing", "out.safetensors"}, 1,
           "vknorm: missing: No such file or directory");
}

static void test_no_driver(void **state) {
    (void)state;
    assert_int_equal(setenv("VK_ICD_FILENAMES", "/nonexistent.json", 1), 0);
    assert_int_equal(setenv("VK_DRIVER_FILES", "/nonexistent.json", 1), 0);
    expect((char *[MAX_ARGUMENTS]){"devices"}, 1, "vknorm: ");
    expect((char *[MAX_ARGUMENTS]){"devices", "--json"}, 1, "vknorm: ");
    write_text("cases.json", "[]");
    vkn_safetensors_error error;
    assert_int_equal(vkn_safetensors_save("in.safetensors", NULL, 0, &error), VKN_OK);
    expect((char *[MAX_ARGUMENTS]){"run", "cases.json", "in.safetensors", "out.safetensors"}, 1, "vknorm: ");
    assert_int_not_equal(access("out.safetensors", F_OK), 0);
}

static int remove_files(void **state) {
    unlink("cases.json");
    unlink("in.safetensors");
    unlink("printed");
    return folder_leave(state);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: test_command VKNORM\n");
        return 2;
    }
    program = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_help_of_run), cmocka_unit_test(test_wrong_cases),
        cmocka_unit_test(test_wrong_tensors), cmocka_unit_test(test_no_driver),
    };
    return cmocka_run_group_tests(tests, folder_enter, remove_files);
}
