/* Starts a program on a bare Cortex-M4F: the floating-point unit on, .bss zero, then main, with newlib's semihosting. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top[], bss_begin[], bss_end[];
extern void initialise_monitor_handles(void);
extern int main(void);
void reset(void);

void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: full access to coprocessors 10 and 11 */
    __asm volatile("dsb\n isb");
    for (uint32_t *word = bss_begin; word < bss_end; ++word)
        *word = 0;
    initialise_monitor_handles();
    exit(main());
}

static void fault(void)
{
    _Exit(3);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (const void *)reset, (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault,
    (const void *)fault};
